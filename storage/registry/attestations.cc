#include "storage/registry/attestations.h"

#include <algorithm>

#include "storage/base/bytes.h"
#include "storage/base/logging.h"
#include "storage/registry/json_text.h"

namespace tarn::registry {
namespace {

constexpr std::string_view kPayloadType = "application/vnd.in-toto+json";
constexpr std::string_view kBundleTypePrefix = "application/vnd.dev.sigstore.bundle";
constexpr std::string_view kStatementTypes[] = {"https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"};
// What clients and pnpm's trust policy know as provenance (contract 12.4).
constexpr std::string_view kPredicateTypes[] = {"https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2"};

Status Refused(const std::string& why) { return InvalidArgument(std::string(kProvenanceRefused) + why); }

template <size_t kCount>
bool IsOneOf(std::string_view text, const std::string_view (&choices)[kCount]) {
  return std::find(std::begin(choices), std::end(choices), text) != std::end(choices);
}

// An object of the bundle, looked into by name.
class Object {
 public:
  // `what` names it in refusals. Text that was validated already.
  static Result<Object> Split(std::string_view raw, std::string what) {
    auto members = SplitJsonObject(raw);
    if (!members.ok()) return Refused(what + " is not an object");
    return Object(std::move(*members), std::move(what));
  }
  static Result<Object> Parse(std::string_view text, std::string what) {
    auto members = ParseJsonObject(text);
    if (!members.ok()) return Refused(what + ": " + std::string(members.status().message()));
    return Object(std::move(*members), std::move(what));
  }

  // Empty when there is no such member.
  std::string_view Raw(std::string_view key) const {
    for (const JsonMember& member : members_) {
      if (member.key == key) return member.raw_value;
    }
    return {};
  }
  // Empty when it is not there, or no string.
  std::string Text(std::string_view key) const {
    const std::string_view raw = Raw(key);
    return raw.empty() ? std::string() : TextOfJson(raw);
  }
  Result<Object> Child(std::string_view key) const {
    const std::string_view raw = Raw(key);
    if (raw.empty()) return Refused(what_ + " has no " + std::string(key));
    return Split(raw, std::string(key));
  }
  // Its one element, which must be an object.
  Result<Object> OnlyElement(std::string_view key) const {
    const std::string_view raw = Raw(key);
    const auto elements = SplitJsonArray(raw.empty() ? std::string_view("null") : raw);
    if (!elements.ok() || elements->size() != 1) return Refused(what_ + " must have exactly one " + std::string(key));
    return Split(elements->front(), std::string(key));
  }

 private:
  Object(std::vector<JsonMember> members, std::string what) : members_(std::move(members)), what_(std::move(what)) {}

  std::vector<JsonMember> members_;
  std::string what_;
};

// The statement within the envelope, decoded.
Result<std::string> PayloadOf(const Object& bundle) {
  if (!bundle.Text("mediaType").starts_with(kBundleTypePrefix)) return Refused("mediaType is not that of a bundle");
  ASSIGN_OR_RETURN(const Object material, bundle.Child("verificationMaterial"));
  ASSIGN_OR_RETURN(const Object envelope, bundle.Child("dsseEnvelope"));
  if (envelope.Text("payloadType") != kPayloadType) return Refused("the payload is not an in-toto statement");
  ASSIGN_OR_RETURN(const Object signature, envelope.OnlyElement("signatures"));
  if (signature.Text("sig").empty()) return Refused("the signature is empty");
  auto payload = Base64Decode(envelope.Text("payload"));
  if (!payload.ok()) return Refused("the payload is not base64");
  return payload;
}

Status CheckSubject(const Object& statement, const PackageName& name, const VersionRecord& version) {
  ASSIGN_OR_RETURN(const Object subject, statement.OnlyElement("subject"));
  const std::string expected_name = PackageUrl(name, version.version);
  if (const std::string found = subject.Text("name"); found != expected_name) {
    return Refused("the statement is about \"" + found + "\", the version published is \"" + expected_name + "\"");
  }
  ASSIGN_OR_RETURN(const Object digest, subject.Child("digest"));
  const std::string expected_digest = HexEncode(version.tarball.sha512.view());
  if (const std::string found = digest.Text("sha512"); found != expected_digest) {
    return Refused("the statement is about a tarball with the sha512 \"" + found + "\", the one published has " +
                   expected_digest);
  }
  return OkStatus();
}

}  // namespace

std::string PackageUrl(const PackageName& name, std::string_view version) {
  std::string url = "pkg:npm/";
  url += name.is_scoped() ? "%40" + name.full().substr(1) : name.full();
  return url + "@" + std::string(version);
}

Result<std::string> CheckProvenance(std::string_view bundle_text, const PackageName& name,
                                    const VersionRecord& version) {
  ASSIGN_OR_RETURN(const Object bundle, Object::Parse(bundle_text, "the bundle"));
  ASSIGN_OR_RETURN(const std::string payload, PayloadOf(bundle));
  ASSIGN_OR_RETURN(const Object statement, Object::Parse(payload, "the statement"));
  if (!IsOneOf(statement.Text("_type"), kStatementTypes)) return Refused("the payload is not an in-toto statement");
  RETURN_IF_ERROR(CheckSubject(statement, name, version));
  std::string predicate_type = statement.Text("predicateType");
  if (!IsOneOf(predicate_type, kPredicateTypes)) {
    return Refused("the predicate type \"" + predicate_type + "\" is not SLSA provenance v1 or v0.2");
  }
  RETURN_IF_ERROR(statement.Child("predicate").status());
  return predicate_type;
}

std::string AttestationsDocument(std::string_view predicate_type, std::string_view bundle) {
  std::string json = "{\"attestations\":[{\"predicateType\":" + JsonString(predicate_type) + ",\"bundle\":";
  json += bundle;
  return json + "}]}";
}

}  // namespace tarn::registry

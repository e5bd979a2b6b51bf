#include <algorithm>

#include "http/api/error_response.h"
#include "http/api/handlers.h"
#include "http/api/json_body.h"
#include "storage/base/logging.h"

// The owners of a package one at a time, as pnpm 11 and later ask for them (contract 8.5). npm and yarn put the whole list
// to /{pkg}/-rev/{rev}; so do these, to the revision they have just read.
namespace tarn::http {
namespace {

using registry::PackageName;

// Others may change the package in between; nobody is overtaken more often than this.
constexpr int kAttempts = 5;

struct Owner {
  std::string name;
  std::string email;
};

struct OwnerList {
  std::string rev;
  std::vector<Owner> owners;
};

// From the full packument, where everybody else reads them.
Result<OwnerList> ReadOwners(const Services& services, const Call& call, const PackageName& name) {
  ASSIGN_OR_RETURN(const auto packument,
                   services.registry.GetPackument(call.principal, name, registry::PackumentForm::kFull,
                                                  registry::PackumentCoding::kIdentity, std::string(call.base_url)));
  std::string text;
  text.reserve(packument.body->length);
  for (const auto& buffer : packument.body->buffers) text += *buffer;
  ASSIGN_OR_RETURN(const JsonBody document, JsonBody::ParseObject(text));
  ASSIGN_OR_RETURN(const auto maintainers, document.Objects("maintainers"));
  OwnerList list{packument.body->rev, {}};
  if (!maintainers) return list;  // Everything was unpublished.
  for (const JsonBody& maintainer : *maintainers) {
    ASSIGN_OR_RETURN(const auto owner, maintainer.String("name"));
    ASSIGN_OR_RETURN(const auto email, maintainer.String("email"));
    list.owners.push_back({owner.value_or(""), email.value_or("")});
  }
  return list;
}

Result<registry::WriteAnswer> WriteOwners(const Services& services, const Call& call, const PackageName& name,
                                          const OwnerList& list) {
  std::string body = "{\"_id\":" + JsonString(name.full()) + ",\"_rev\":" + JsonString(list.rev) + ",\"maintainers\":[";
  for (size_t i = 0; i < list.owners.size(); ++i) {
    body += (i > 0 ? ",{\"name\":" : "{\"name\":") + JsonString(list.owners[i].name);
    body += ",\"email\":" + JsonString(list.owners[i].email) + "}";
  }
  body += "]}";
  ASSIGN_OR_RETURN(const auto write, services.registry.BeginPackageWrite(call.principal, name, list.rev));
  RETURN_IF_ERROR(write->Consume(body));
  return write->Finish();
}

// Reads, lets `edit` change the list, and writes it to the revision it was read from.
template <typename Edit>
Result<registry::WriteAnswer> ChangeOwners(const Services& services, const Call& call, const Edit& edit) {
  ASSIGN_OR_RETURN(const PackageName name, PackageOf(call));
  for (int attempt = 1;; ++attempt) {
    ASSIGN_OR_RETURN(OwnerList list, ReadOwners(services, call, name));
    RETURN_IF_ERROR(edit(&list.owners));
    auto answer = WriteOwners(services, call, name, list);
    if (answer.code() != Code::kConflict || attempt == kAttempts) return answer;
  }
}

}  // namespace

Response HandleGetOwners(const Services& services, const Call& call) {
  const auto name = PackageOf(call);
  if (!name.ok()) return ErrorResponse(name.status());
  const auto list = ReadOwners(services, call, *name);
  if (!list.ok()) return ErrorResponse(list.status());
  std::string body = "[";
  for (const Owner& owner : list->owners) {
    body += (body.size() > 1 ? ",{\"username\":" : "{\"username\":") + JsonString(owner.name);
    body += ",\"email\":" + JsonString(owner.email) + "}";
  }
  return PrivateJsonResponse(200, body + "]");
}

Response HandleAddOwner(const Services& services, const Call& call) {
  const auto body = JsonBody::ParseObject(call.body);
  if (!body.ok()) return ErrorResponse(body.status());
  const auto user = body->String("user");
  if (!user.ok()) return ErrorResponse(user.status());
  if (!*user) return ErrorResponse(400, "\"user\" is needed: who becomes an owner");
  const auto add = [&](std::vector<Owner>* owners) {
    const bool is_there = std::any_of(owners->begin(), owners->end(), [&](const Owner& o) { return o.name == **user; });
    if (!is_there) owners->push_back({**user, ""});
    return OkStatus();
  };
  return WriteResponse(services, ChangeOwners(services, call, add));
}

Response HandleRemoveOwner(const Services& services, const Call& call) {
  const std::string& user = call.Parameter("user");
  const auto remove = [&](std::vector<Owner>* owners) {
    const size_t removed = std::erase_if(*owners, [&](const Owner& owner) { return owner.name == user; });
    return removed > 0 ? OkStatus() : NotFound("\"" + user + "\" is not an owner of " + call.package + ".");
  };
  return WriteResponse(services, ChangeOwners(services, call, remove));
}

}  // namespace tarn::http

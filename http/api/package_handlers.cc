#include "http/api/conditional.h"
#include "http/api/error_response.h"
#include "http/api/handlers.h"
#include "http/api/hot_cache.h"
#include "http/api/negotiation.h"

namespace tarn::http {
namespace {

Audience AudienceOf(const Services& services, bool is_restricted) {
  return is_restricted || services.reads_are_private ? Audience::kPrivate : Audience::kPublic;
}

// Is it worth keeping for the core threads? A target with a query is not asked for twice. A large tarball has a file of
// its own, which the cache would keep open; and compared to sending it, finding it costs nothing.
bool IsWorthKeeping(const Call& call, const HotAnswer& answer) {
  return call.head.target.size() <= kHotTargetBytesMax && call.head.target.find('?') == std::string_view::npos &&
         (!answer.is_tarball || answer.file.length <= limits::kSharedBlobBytesMax);
}

// The same answer with its body in a file; null if there is no room for one.
std::shared_ptr<const HotAnswer> WithBodyFile(BodyFiles& files, const HotAnswer& answer) {
  auto file = files.Make(answer.pieces);
  if (!file) return nullptr;
  auto copy = std::make_shared<HotAnswer>(answer);
  copy->pieces.clear();
  copy->file = *std::move(file);
  return copy;
}

void Keep(HotCache& hot, const HotCache::Ticket& ticket, std::string key,
          const std::shared_ptr<const HotAnswer>& answer) {
  if (!hot.WantsFile(key)) {
    hot.Insert(ticket, std::move(key), answer);
  } else if (auto in_file = WithBodyFile(hot.files(), *answer)) {
    hot.Insert(ticket, std::move(key), std::move(in_file));
  }  // Otherwise the one in memory stays, and does not ask again.
}

// What to keep under, while the package is as it was when the ticket was taken.
struct HotPlace {
  HotKind kind;
  HotCache::Ticket ticket;
};

// Sends the answer, and keeps it when it is the same for everybody who may read.
Response SendAndKeep(const Services& services, const Call& call, const HotPlace& place, bool is_restricted,
                     const std::shared_ptr<const HotAnswer>& answer) {
  if (!is_restricted && IsWorthKeeping(call, *answer)) {
    std::string key;
    AppendHotKey(place.kind, call.head, call.base_url, &key);
    Keep(services.hot, place.ticket, std::move(key), answer);
  }
  Response response;
  Send(answer, call.head, &response);
  return response;
}

}  // namespace

Response HandleGetPackument(const Services& services, const Call& call) {
  if (AsksForRevision(call)) return HandleGetRevision(services, call);
  const auto name = PackageOf(call);
  if (!name.ok()) return ErrorResponse(name.status());
  std::string accept, accept_encoding;
  const bool is_for_write =
      QueryValue(call.query, "write") == "true";  // Then full, whatever Accept says (contract 2.5).
  const auto form =
      is_for_write ? registry::PackumentForm::kFull : ChooseForm(call.head.Joined(KnownHeader::kAccept, &accept));
  const auto coding = ChooseCoding(call.head.Joined(KnownHeader::kAcceptEncoding, &accept_encoding));
  const HotPlace place{HotKind::kPackument, services.hot.TakeTicket(name->full())};
  const auto packument =
      services.registry.GetPackument(call.principal, *name, form, coding, std::string(call.base_url));
  if (!packument.ok()) return ErrorResponse(packument.status());
  const Audience audience = is_for_write ? Audience::kWriter : AudienceOf(services, packument->is_restricted);
  return SendAndKeep(services, call, place, packument->is_restricted, MakePackumentAnswer(*packument, audience));
}

Response HandleGetManifest(const Services& services, const Call& call) {
  const auto name = PackageOf(call);
  if (!name.ok()) return ErrorResponse(name.status());
  const auto manifest =
      services.registry.GetManifest(call.principal, *name, call.Parameter("spec"), std::string(call.base_url));
  if (!manifest.ok()) return ErrorResponse(manifest.status());
  Response response;
  Send(MakeManifestAnswer(*manifest, AudienceOf(services, manifest->is_restricted)), call.head, &response);
  return response;
}

namespace {

Response GetTarball(const Services& services, const Call& call, const std::string& file) {
  const auto name = PackageOf(call);
  if (!name.ok()) return ErrorResponse(name.status());
  const HotPlace place{HotKind::kTarball, services.hot.TakeTicket(name->full())};
  const auto tarball = services.registry.OpenTarball(call.principal, *name, file);
  if (!tarball.ok()) return ErrorResponse(tarball.status());
  const auto answer = MakeTarballAnswer(*tarball, AudienceOf(services, tarball->is_restricted));
  return SendAndKeep(services, call, place, tarball->is_restricted, answer);
}

}  // namespace

Response HandleGetTarball(const Services& services, const Call& call) {
  return GetTarball(services, call, call.Parameter("file"));
}

Response HandleGetNestedTarball(const Services& services, const Call& call) {
  return GetTarball(services, call, call.Parameter("folder") + "/" + call.Parameter("file"));
}

Response HandleUnpublish(const Services& services, const Call& call) {
  const auto name = PackageOf(call);
  if (!name.ok()) return ErrorResponse(name.status());
  return WriteResponse(services, services.registry.UnpublishPackage(call.principal, *name, call.Parameter("rev")));
}

Response HandleDeleteTarball(const Services& services, const Call& call) {
  const auto name = PackageOf(call);
  if (!name.ok()) return ErrorResponse(name.status());
  return WriteResponse(
      services, services.registry.DeleteTarball(call.principal, *name, call.Parameter("file"), call.Parameter("rev")));
}

}  // namespace tarn::http

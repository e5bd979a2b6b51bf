#include "http/api/conditional.h"

#include <functional>

#include "http/api/base_url.h"
#include "http/api/error_response.h"
#include "http/api/negotiation.h"
#include "storage/base/bytes.h"
#include "storage/base/clock.h"

namespace tarn::http {
namespace {

using registry::PackumentCoding;
using registry::PackumentForm;

// Short, so that what one person publishes another soon sees; not zero, so that pnpm treats it as cacheable.
constexpr std::string_view kPackumentLifetime = "max-age=1";
constexpr std::string_view kTarballLifetime = "immutable, max-age=31536000";

std::string CacheControl(Audience audience, std::string_view lifetime) {
  switch (audience) {
    case Audience::kPublic: return "public, " + std::string(lifetime);
    case Audience::kPrivate: return "private, " + std::string(lifetime);
    case Audience::kWriter: break;
  }
  return "private, no-cache";
}

// Both heads of the answer: fields that 200 and 304 share, then those of the 200 alone.
void SerializeBoth(std::string_view vary, const std::function<void(Response*)>& add_content, HotAnswer* answer) {
  Response common;
  common.AddHeader("etag", answer->etag);
  common.AddHeader("cache-control", answer->cache_control);
  if (!vary.empty()) common.AddHeader("vary", vary);
  if (answer->modified_ms != 0) common.AddHeader("last-modified", FormatHttpDate(answer->modified_ms));
  common.set_status(304);
  answer->not_modified_head = SerializeHead(common);
  common.set_status(200);
  add_content(&common);
  answer->head = SerializeHead(common);
}

std::shared_ptr<HotAnswer> NewAnswer(std::string etag, uint64_t modified_ms, std::string cache_control) {
  auto answer = std::make_shared<HotAnswer>();
  answer->etag = std::move(etag);
  answer->modified_ms = modified_ms;
  answer->cache_control = std::move(cache_control);
  return answer;
}

bool IsNotModified(const HotAnswer& answer, const RequestHead& head) {
  if (head.Has(KnownHeader::kIfNoneMatch)) {
    std::string scratch;
    return MatchesEtag(head.Joined(KnownHeader::kIfNoneMatch, &scratch), answer.etag);
  }
  if (answer.modified_ms == 0 || !head.Has(KnownHeader::kIfModifiedSince)) return false;
  const auto since = ParseHttpDate(head.Get(KnownHeader::kIfModifiedSince));
  return since.ok() && answer.modified_ms / 1000 <= *since / 1000;
}

// 206 with what the 200 would have said about caching (RFC 9110, section 15.3.7), or 416.
void SendRange(const std::shared_ptr<const HotAnswer>& answer, const ByteRange& range, Response* response) {
  const uint64_t size = answer->file.length;
  if (range.kind == ByteRange::Kind::kUnsatisfiable) {
    FillErrorResponse(416, "the range is outside of the file", response);
    response->AddHeader("content-range", "bytes */" + std::to_string(size));
    return;
  }
  response->set_status(206);
  response->AddHeader("content-type", "application/octet-stream");
  response->AddHeader("etag", answer->etag);
  response->AddHeader("cache-control", answer->cache_control);
  response->AddHeader("accept-ranges", "bytes");
  response->AddHeader("content-range", "bytes " + std::to_string(range.first) + "-" +
                                           std::to_string(range.first + range.length - 1) + "/" + std::to_string(size));
  FileRange part = answer->file;
  part.offset += range.first;
  part.length = range.length;
  response->SetFileBody(std::move(part));
}

bool WantsRange(const HotAnswer& answer, const RequestHead& head) {
  // Of GET alone: RFC 9110, section 14.2.
  if (!answer.is_tarball || head.method != Method::kGet || !head.Has(KnownHeader::kRange)) return false;
  // RFC 9110, section 13.1.5: If-Range compares strongly; a date never matches, since tarballs carry none.
  return !head.Has(KnownHeader::kIfRange) || head.Get(KnownHeader::kIfRange) == answer.etag;
}

}  // namespace

std::shared_ptr<const HotAnswer> MakePackumentAnswer(const registry::PackumentAnswer& packument, Audience audience) {
  const registry::PackumentBody& body = *packument.body;
  auto answer = NewAnswer(body.etag, packument.modified_ms, CacheControl(audience, kPackumentLifetime));
  uint64_t length = 0;
  for (const auto& buffer : body.buffers) {
    answer->pieces.push_back({buffer, std::string_view(*buffer)});
    length += buffer->size();
  }
  CHECK(length == body.length);
  const auto add_content = [&](Response* response) {
    // Only exactly this type tells pnpm that the document is abbreviated.
    response->AddHeader("content-type", body.form == PackumentForm::kAbbreviated ? "application/vnd.npm.install-v1+json"
                                                                                 : "application/json");
    if (body.coding == PackumentCoding::kGzip) response->AddHeader("content-encoding", "gzip");
    for (const SharedBytes& piece : answer->pieces) response->AddSharedBody(piece);
  };
  SerializeBoth("accept, accept-encoding", add_content, answer.get());
  return answer;
}

std::shared_ptr<const HotAnswer> MakeManifestAnswer(const registry::ManifestAnswer& manifest, Audience audience) {
  auto answer = NewAnswer(manifest.etag, manifest.modified_ms, CacheControl(audience, kPackumentLifetime));
  answer->pieces.push_back(ShareString(manifest.json));
  const auto add_content = [&](Response* response) {
    response->AddHeader("content-type", "application/json");
    response->AddSharedBody(answer->pieces.front());
  };
  SerializeBoth("", add_content, answer.get());
  return answer;
}

std::shared_ptr<const HotAnswer> MakeTarballAnswer(const registry::TarballAnswer& tarball, Audience audience) {
  const auto& info = tarball.blob.info;
  auto answer =
      NewAnswer("\"" + HexEncode(info.sha512.view().substr(0, 32)) + "\"", 0, CacheControl(audience, kTarballLifetime));
  answer->downloads = tarball.downloads;
  answer->is_tarball = true;
  answer->file = {tarball.blob.file, tarball.blob.descriptor(), tarball.blob.offset_bytes, info.size_bytes};
  const auto add_content = [&](Response* response) {
    response->AddHeader("content-type", "application/octet-stream");
    response->AddHeader("accept-ranges", "bytes");
    response->SetFileBody(answer->file);
  };
  SerializeBoth("", add_content, answer.get());
  return answer;
}

void Send(const std::shared_ptr<const HotAnswer>& answer, const RequestHead& head, Response* response) {
  if (IsNotModified(*answer, head)) {
    response->UsePreparedHead(304, {answer, answer->not_modified_head});
    return;
  }
  if (WantsRange(*answer, head)) {
    const ByteRange range = ParseRange(head.Get(KnownHeader::kRange), answer->file.length);
    if (range.kind != ByteRange::Kind::kWhole) {
      SendRange(answer, range, response);
      return;
    }
  }
  response->UsePreparedHead(200, {answer, answer->head});
  for (const SharedBytes& piece : answer->pieces) response->AddSharedBody(piece);
  if (!answer->is_file()) return;
  response->SetFileBody(answer->file);
  response->CountWhenSent(answer->downloads);
}

HotKind LikelyHotKind(std::string_view target) {
  return target.ends_with(".tgz") && target.find("/-/") != std::string_view::npos ? HotKind::kTarball
                                                                                  : HotKind::kPackument;
}

void AppendHotKey(HotKind kind, const RequestHead& head, std::string_view base_url, std::string* key) {
  if (kind == HotKind::kTarball) {
    key->push_back('t');
    key->append(BaseUrls::PathOf(base_url));  // The prefix decides which package the target means.
    key->push_back('\n');
  } else {
    std::string accept, accept_encoding;
    const bool full = ChooseForm(head.Joined(KnownHeader::kAccept, &accept)) == PackumentForm::kFull;
    const bool gzip =
        ChooseCoding(head.Joined(KnownHeader::kAcceptEncoding, &accept_encoding)) == PackumentCoding::kGzip;
    key->push_back(full ? 'f' : 'a');
    key->push_back(gzip ? 'g' : 'i');
    key->append(base_url);
    key->push_back('\n');
  }
  key->append(head.target);
}

}  // namespace tarn::http

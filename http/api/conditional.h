#pragma once

#include <memory>
#include <string>

#include "http/api/hot_cache.h"
#include "http/api/routes.h"
#include "http/net/response.h"
#include "http/parser/request_head.h"

namespace tarn::http {

// Who may keep an answer, and for how long (contract 2.7).
enum class Audience : uint8_t {
  kPublic,
  kPrivate,  // Only the caller's own cache.
  kWriter,   // The same, and it asks every time: what a write is computed from ("?write=true").
};

// The finished answers to GETs of packages, made once and sent by Send as often as they are asked for.
std::shared_ptr<const HotAnswer> MakePackumentAnswer(const registry::PackumentAnswer& packument, Audience audience);
std::shared_ptr<const HotAnswer> MakeTarballAnswer(const registry::TarballAnswer& tarball, Audience audience);
std::shared_ptr<const HotAnswer> MakeManifestAnswer(const registry::ManifestAnswer& manifest, Audience audience);

// 200, 206, 304 or 416, as If-None-Match, If-Modified-Since, Range and If-Range say. 304 only when a validator was sent.
void Send(const std::shared_ptr<const HotAnswer>& answer, const RequestHead& head, Response* response);

// Targets longer than this are not worth keeping an answer for.
inline constexpr size_t kHotTargetBytesMax = 512;

// What a cached answer is. The two have different keys, so a wrong guess before routing finds nothing, never the wrong
// thing: there may be a package called "x.tgz".
enum class HotKind : uint8_t { kPackument, kTarball };
HotKind LikelyHotKind(std::string_view target);

// The key of an answer in the hot cache: everything of a request that decides its bytes. A tarball is the same for every
// variant and origin. Appends to `key`.
void AppendHotKey(HotKind kind, const RequestHead& head, std::string_view base_url, std::string* key);

}  // namespace tarn::http

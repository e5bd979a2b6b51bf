#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "storage/base/ids.h"

struct evp_md_ctx_st;

namespace tarn {

// The two content hashes of a blob, computed in one pass over bytes as they arrive.
// Threads: one at a time. Cost here: about 4.5 ms of CPU per MB, so not on a core thread for large input.
class BlobHasher {
 public:
  BlobHasher();
  ~BlobHasher();
  BlobHasher(BlobHasher&&) noexcept;
  BlobHasher& operator=(BlobHasher&&) noexcept;

  void Update(std::string_view bytes);

  struct Digests {
    Digest sha512;
    Sha1Digest sha1;
  };
  // Once; the hasher is spent afterwards.
  Digests Finish();

 private:
  struct ContextDeleter {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, ContextDeleter> sha512_;
  std::unique_ptr<evp_md_ctx_st, ContextDeleter> sha1_;
};

Digest Sha512(std::string_view bytes);
Sha1Digest Sha1(std::string_view bytes);
Sha256Digest Sha256(std::string_view bytes);
// HMAC-SHA-256, for keyed token hashes and signatures of our own messages.
Sha256Digest HmacSha256(std::string_view key, std::string_view bytes);
// For one-time passwords (RFC 4226) alone, which are defined over it.
Sha1Digest HmacSha1(std::string_view key, std::string_view bytes);
// 16 bytes. For htpasswd's old "apr1" hashes alone: nothing of ours rests on it.
std::string Md5(std::string_view bytes);

}  // namespace tarn

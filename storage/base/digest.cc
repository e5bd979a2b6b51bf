#include "storage/base/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "storage/base/check.h"

namespace tarn {
namespace {

template <typename Result>
Result OneShot(const EVP_MD* algorithm, std::string_view bytes) {
  Result result;
  unsigned int size = 0;
  CHECK(EVP_Digest(bytes.data(), bytes.size(), result.mutable_bytes().data(), &size, algorithm, nullptr) == 1);
  CHECK(size == Result::kSize);
  return result;
}

template <typename Result>
Result Final(EVP_MD_CTX* context) {
  Result result;
  unsigned int size = 0;
  CHECK(EVP_DigestFinal_ex(context, result.mutable_bytes().data(), &size) == 1);
  CHECK(size == Result::kSize);
  return result;
}

}  // namespace

void BlobHasher::ContextDeleter::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

BlobHasher::BlobHasher() : sha512_(EVP_MD_CTX_new()), sha1_(EVP_MD_CTX_new()) {
  CHECK(sha512_ != nullptr && sha1_ != nullptr);
  CHECK(EVP_DigestInit_ex(sha512_.get(), EVP_sha512(), nullptr) == 1);
  CHECK(EVP_DigestInit_ex(sha1_.get(), EVP_sha1(), nullptr) == 1);
}
BlobHasher::~BlobHasher() = default;
BlobHasher::BlobHasher(BlobHasher&&) noexcept = default;
BlobHasher& BlobHasher::operator=(BlobHasher&&) noexcept = default;

void BlobHasher::Update(std::string_view bytes) {
  CHECK(EVP_DigestUpdate(sha512_.get(), bytes.data(), bytes.size()) == 1);
  CHECK(EVP_DigestUpdate(sha1_.get(), bytes.data(), bytes.size()) == 1);
}

BlobHasher::Digests BlobHasher::Finish() { return {Final<Digest>(sha512_.get()), Final<Sha1Digest>(sha1_.get())}; }

Digest Sha512(std::string_view bytes) { return OneShot<Digest>(EVP_sha512(), bytes); }
Sha1Digest Sha1(std::string_view bytes) { return OneShot<Sha1Digest>(EVP_sha1(), bytes); }
Sha256Digest Sha256(std::string_view bytes) { return OneShot<Sha256Digest>(EVP_sha256(), bytes); }

Sha256Digest HmacSha256(std::string_view key, std::string_view bytes) {
  Sha256Digest result;
  unsigned int size = 0;
  CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), result.mutable_bytes().data(),
             &size) != nullptr);
  CHECK(size == Sha256Digest::kSize);
  return result;
}

Sha1Digest HmacSha1(std::string_view key, std::string_view bytes) {
  Sha1Digest result;
  unsigned int size = 0;
  CHECK(HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(bytes.data()),
             bytes.size(), result.mutable_bytes().data(), &size) != nullptr);
  CHECK(size == Sha1Digest::kSize);
  return result;
}

std::string Md5(std::string_view bytes) {
  std::string result(16, '\0');
  unsigned int size = 0;
  CHECK(EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(result.data()), &size, EVP_md5(),
                   nullptr) == 1);
  CHECK(size == result.size());
  return result;
}

}  // namespace tarn

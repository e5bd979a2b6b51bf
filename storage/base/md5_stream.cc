#include "storage/base/md5_stream.h"

#include <openssl/evp.h>

#include "storage/base/check.h"

namespace tarn {

void Md5Stream::ContextDeleter::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Md5Stream::Md5Stream() : context_(EVP_MD_CTX_new()) {
  CHECK(context_ != nullptr);
  CHECK(EVP_DigestInit_ex(context_.get(), EVP_md5(), nullptr) == 1);
}
Md5Stream::~Md5Stream() = default;

void Md5Stream::Update(std::string_view bytes) {
  CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

std::string Md5Stream::Finish() {
  std::string result(16, '\0');
  unsigned int size = 0;
  CHECK(EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(result.data()), &size) == 1);
  CHECK(size == result.size());
  CHECK(EVP_DigestInit_ex(context_.get(), EVP_md5(), nullptr) == 1);
  return result;
}

}  // namespace tarn

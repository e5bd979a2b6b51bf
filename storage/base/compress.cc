#include "storage/base/compress.h"

#include <zstd.h>

#include <memory>

#include "storage/base/check.h"

namespace tarn {
namespace {

// Contexts are dear to set up and hold nothing between calls, so each thread keeps its own.
ZSTD_CCtx* ThreadCompressor() {
  struct Deleter {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  thread_local const std::unique_ptr<ZSTD_CCtx, Deleter> context(ZSTD_createCCtx());
  CHECK(context != nullptr);
  return context.get();
}

ZSTD_DCtx* ThreadDecompressor() {
  struct Deleter {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  thread_local const std::unique_ptr<ZSTD_DCtx, Deleter> context(ZSTD_createDCtx());
  CHECK(context != nullptr);
  return context.get();
}

}  // namespace

void ZstdAppend(std::string_view bytes, int level, std::string* out) {
  const size_t begin = out->size();
  out->resize(begin + ZSTD_compressBound(bytes.size()));
  const size_t size = ZSTD_compressCCtx(ThreadCompressor(), out->data() + begin, out->size() - begin, bytes.data(),
                                        bytes.size(), level);
  CHECK(!ZSTD_isError(size));  // Only a bad level or too small a buffer, both ours.
  out->resize(begin + size);
}

Status ZstdExtract(std::string_view frame, size_t plain_size, std::string* out) {
  out->resize(plain_size);
  const size_t size = ZSTD_decompressDCtx(ThreadDecompressor(), out->data(), out->size(), frame.data(), frame.size());
  if (ZSTD_isError(size)) return Corruption(std::string("zstd: ") + ZSTD_getErrorName(size));
  if (size != plain_size) {
    return Corruption("zstd: " + std::to_string(size) + " bytes, expected " + std::to_string(plain_size));
  }
  return OkStatus();
}

}  // namespace tarn

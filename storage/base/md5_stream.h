#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace tarn {

// MD5 over bytes that arrive in pieces. For what other systems wrote with it (CouchDB's attachment digests): finds
// damage, proves nothing.
// Threads: one at a time. Cost here: about 1.6 ms of CPU per MB.
class Md5Stream {
 public:
  Md5Stream();
  ~Md5Stream();
  Md5Stream(const Md5Stream&) = delete;
  Md5Stream& operator=(const Md5Stream&) = delete;

  void Update(std::string_view bytes);
  // 16 bytes: of everything since the construction or the last Finish, which begins anew.
  std::string Finish();

 private:
  struct ContextDeleter {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, ContextDeleter> context_;
};

}  // namespace tarn

// The front end by itself, serving one file, to be measured by a load generator against another server that serves the same
// file: /memory from memory with a prepared head, /file by sendfile.
//
//   static_server PORT CORES FILE [log]
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>

#include "http/net/server.h"
#include "storage/base/check.h"

namespace tarn::http {
namespace {

class OneFile final : public Handler {
 public:
  explicit OneFile(const char* path) : fd_(::open(path, O_RDONLY | O_CLOEXEC)) {
    CHECK(fd_ >= 0);
    std::ifstream file(path, std::ios::binary);
    body_ = ShareString(std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>()));
    Response response;
    response.AddHeader("content-type", "application/octet-stream");
    response.AddHeader("etag", "\"0123456789abcdef\"");
    response.AddSharedBody(body_);
    head_ = ShareString(SerializeHead(response));
  }

  bool TryHandleFast(const RequestHead& head, const Peer&, Response* response) override {
    response->UsePreparedHead(200, head_);
    if (head.target == "/file")
      response->SetFileBody({body_.owner, fd_, 0, body_.bytes.size()});
    else
      response->AddSharedBody(body_);
    return true;
  }
  Task<Response> Handle(Request) override { co_return Response(); }
  void MakeErrorResponse(uint16_t http_status, const Status&, Response* response) override {
    response->set_status(http_status);
  }

 private:
  const int fd_;
  SharedBytes body_;
  SharedBytes head_;
};

}  // namespace
}  // namespace tarn::http

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: %s PORT CORES FILE [log]\n", argv[0]);
    return 2;
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  tarn::http::OneFile handler(argv[3]);
  tarn::http::Executor executor;
  tarn::http::ServerOptions options;
  options.listen = {std::string("127.0.0.1:") + argv[1]};
  options.cores = static_cast<size_t>(std::atoi(argv[2]));
  options.access_log = argc > 4;
  tarn::http::Server server(options, handler, executor);
  const tarn::Status started = server.Start();
  if (!started.ok()) {
    std::fprintf(stderr, "%s\n", started.ToString().c_str());
    return 1;
  }
  std::printf("http://%s/\n", server.addresses().front().c_str());
  std::fflush(stdout);
  int signal_number = 0;
  sigwait(&signals, &signal_number);
  return server.Drain(2000).ok() ? 0 : 1;
}

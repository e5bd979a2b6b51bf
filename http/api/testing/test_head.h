#pragma once

#include <string>
#include <utility>
#include <vector>

#include "http/parser/request_head.h"
#include "storage/base/check.h"

namespace tarn::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

// A RequestHead for tests, which owns what its views point into.
class TestHead {
 public:
  TestHead(Method method, std::string target, Headers headers = {}, uint64_t content_length = 0)
      : target_(std::move(target)), headers_(std::move(headers)) {
    head_.method = method;
    head_.target = target_;
    head_.content_length = content_length;
    if (content_length > 0) head_.body_kind = BodyKind::kContentLength;
    for (const auto& [name, value] : headers_) {
      CHECK(head_.AddField(name, RecognizeHeader(name), value));
      if (EqualsIgnoreCase(name, "host")) head_.host = value;
    }
  }
  const RequestHead& operator*() const { return head_; }

 private:
  const std::string target_;
  const Headers headers_;
  RequestHead head_;
};

}  // namespace tarn::http

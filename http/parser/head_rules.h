#pragma once

#include <cstdint>
#include <string_view>

#include "http/parser/request_head.h"

namespace tarn::http {

// Outcome of one rule: http_status 0 is "passed". The reason is a constant, so that refusing costs nothing.
struct Verdict {
  uint16_t http_status = 0;
  std::string_view reason;

  bool passed() const { return http_status == 0; }
};

// The rules of a request head, as functions over clean lines: no CR, LF or other control byte but tab in them.

// "GET /path HTTP/1.1" → method, target and minor_version of `head`. A target in absolute form is reduced to its path, and
// its authority is stored in `authority`, which is left empty otherwise.
Verdict ParseRequestLine(std::string_view line, RequestHead* head, std::string_view* authority);

// "name: value" → one more field of `head`.
Verdict ParseFieldLine(std::string_view line, RequestHead* head);

// What only the whole head shows: host, keep_alive, expectation, framing of the body.
Verdict CheckHead(std::string_view authority, RequestHead* head);

}  // namespace tarn::http

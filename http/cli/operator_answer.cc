#include "http/cli/operator_answer.h"

#include <cstdio>

namespace tarn::cli {

Result<http::JsonBody> BodyOf(const Result<Operator::Answer>& answer) {
  RETURN_IF_ERROR(answer.status());
  auto body = http::JsonBody::ParseObject(answer->body);
  if (!body.ok()) return Internal("the server's answer is not JSON");
  if (answer->http_status < 400) return body;
  const auto message = body->String("message");
  return InvalidArgument(message.ok() && *message ? **message : answer->body);
}

int Finish(const Result<Operator::Answer>& answer, Output output,
           const std::function<void(const http::JsonBody&)>& print) {
  const auto body = BodyOf(answer);
  if (!body.ok()) return Fail(body.status());
  if (output == Output::kJson)
    std::printf("%s\n", answer->body.c_str());
  else
    print(*body);
  return kExitOk;
}

std::string Text(const http::JsonBody& body, std::string_view key) {
  const auto value = body.String(key);
  return value.ok() && *value ? **value : "";
}

bool IsTrue(const http::JsonBody& body, std::string_view key) {
  const auto value = body.Bool(key);
  return value.ok() && value->value_or(false);
}

uint64_t Number(const http::JsonBody& body, std::string_view key) {
  const auto value = body.Number(key);
  return value.ok() ? value->value_or(0) : 0;
}

std::vector<http::JsonBody> Items(const http::JsonBody& body, std::string_view key) {
  auto items = body.Objects(key);
  return items.ok() && *items ? std::move(**items) : std::vector<http::JsonBody>();
}

std::string Joined(const http::JsonBody& body, std::string_view key) {
  std::string text;
  const auto list = body.Strings(key);
  if (!list.ok() || !*list) return text;
  for (const std::string& item : **list) text += (text.empty() ? "" : " ") + item;
  return text;
}

}  // namespace tarn::cli

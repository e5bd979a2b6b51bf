#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "http/api/json_body.h"
#include "http/cli/commands.h"
#include "http/cli/operator_client.h"

// What administrative commands do with the node's answer.
namespace tarn::cli {

// The answer's JSON, or its error as a sentence.
Result<http::JsonBody> BodyOf(const Result<Operator::Answer>& answer);

// Prints the answer as it is (--json), or by `print`; its error as a sentence. Returns the exit status.
int Finish(const Result<Operator::Answer>& answer, Output output,
           const std::function<void(const http::JsonBody&)>& print);

// Members of an answer; empty, false, 0 or none when there is no such member.
std::string Text(const http::JsonBody& body, std::string_view key);
bool IsTrue(const http::JsonBody& body, std::string_view key);
uint64_t Number(const http::JsonBody& body, std::string_view key);
std::vector<http::JsonBody> Items(const http::JsonBody& body, std::string_view key);
// The strings of a list with spaces between.
std::string Joined(const http::JsonBody& body, std::string_view key);

}  // namespace tarn::cli

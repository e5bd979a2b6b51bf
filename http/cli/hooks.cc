#include <cstdio>

#include "http/api/request_path.h"
#include "http/cli/commands.h"
#include "http/cli/operator_answer.h"
#include "http/cli/operator_client.h"
#include "http/cli/table.h"

namespace tarn::cli {
namespace {

std::vector<std::string> RowOf(const http::JsonBody& hook) {
  const uint64_t code = Number(hook, "response_code");
  const std::string endpoint = Text(hook, "endpoint");
  std::string last = ShortTime(Text(hook, "last_delivery"));
  if (last.empty()) last = "never";
  if (code != 0) last += " " + std::to_string(code);
  return {Text(hook, "id"),
          Text(hook, "username"),
          Text(hook, "type") + " " + Text(hook, "name"),
          Text(hook, "status"),
          last,
          std::to_string(Number(hook, "position")),
          std::to_string(Number(hook, "lag")),
          endpoint.substr(0, endpoint.find('?')),  // What is behind it may be a secret.
          Text(hook, "last_error")};
}

// All pages; --json prints one object for each page, a line each.
int List(Operator* node, Output output) {
  std::vector<std::vector<std::string>> rows = {
      {"ID", "USER", "OF", "STATUS", "LAST ANSWER (UTC)", "POSITION", "LAG", "ENDPOINT", "WHY IT FAILS"}};
  size_t count = 0;
  for (size_t offset = 0;; offset += count) {
    const auto answer = node->Call("GET", "/hooks?offset=" + std::to_string(offset), "");
    const auto page = BodyOf(answer);
    if (!page.ok()) return Fail(page.status());
    const auto hooks = Items(*page, "objects");
    count = hooks.size();
    if (output == Output::kJson && (count > 0 || offset == 0)) std::printf("%s\n", answer->body.c_str());
    for (const http::JsonBody& hook : hooks) rows.push_back(RowOf(hook));
    if (count == 0) break;
  }
  if (output == Output::kJson) return kExitOk;
  if (rows.size() > 1)
    std::fputs(FormatTable(rows).c_str(), stdout);
  else
    std::puts("There are none. Users make them with: npm hook add PACKAGE URL SECRET");
  return kExitOk;
}

}  // namespace

int RunHook(const Config& config, const HookArguments& arguments) {
  auto node = Operator::Connect(config, IfMissing::kRefuse);
  if (!node.ok()) return Fail(node.status().WithContext(config.data));
  const std::string path = "/hooks/" + http::PercentEncode(arguments.id);
  switch (arguments.action) {
    case HookArguments::Action::kList: return List(node->get(), arguments.output);
    case HookArguments::Action::kReplay:
      return Finish((*node)->Call("POST", path + "/replay", "{\"from\":" + std::to_string(arguments.from_lsn) + "}"),
                    arguments.output, [](const http::JsonBody& hook) {
                      std::printf("hook %s goes on behind LSN %llu\n", Text(hook, "id").c_str(),
                                  static_cast<unsigned long long>(Number(hook, "position")));
                    });
    case HookArguments::Action::kRemove: break;
  }
  return Finish((*node)->Call("DELETE", path, ""), arguments.output, [](const http::JsonBody& hook) {
    std::printf("hook %s of %s is gone\n", Text(hook, "id").c_str(), Text(hook, "username").c_str());
  });
}

}  // namespace tarn::cli

#include <cstdio>

#include "http/cli/commands.h"
#include "http/cli/operator_answer.h"
#include "http/cli/operator_client.h"
#include "http/cli/table.h"

namespace tarn::cli {
namespace {

void PrintKeys(const http::JsonBody& answer) {
  std::vector<std::vector<std::string>> rows = {{"CREATED (UTC)", "VALID FOR VERSIONS BEFORE (UTC)", "KEY ID"}};
  for (const http::JsonBody& key : Items(answer, "keys")) {
    const std::string expires = Text(key, "expires");
    rows.push_back(
        {ShortTime(Text(key, "created")), expires.empty() ? "any time" : ShortTime(expires), Text(key, "keyid")});
  }
  if (rows.size() > 1)
    std::fputs(FormatTable(rows).c_str(), stdout);
  else
    std::puts("There are no signing keys yet; `tarn serve` makes the first one.");
}

}  // namespace

int RunKeys(const Config& config, const KeysArguments& arguments) {
  auto node = Operator::Connect(config, IfMissing::kRefuse);
  if (!node.ok()) return Fail(node.status().WithContext(config.data));
  if (arguments.action == KeysArguments::Action::kList) {
    return Finish((*node)->Call("GET", "/keys", ""), arguments.output, PrintKeys);
  }
  return Finish((*node)->Call("POST", "/keys", ""), arguments.output, [](const http::JsonBody& key) {
    std::printf("new versions are signed by %s\n", Text(key, "keyid").c_str());
  });
}

}  // namespace tarn::cli

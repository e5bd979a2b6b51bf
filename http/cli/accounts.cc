#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "http/api/json_body.h"
#include "http/api/request_path.h"
#include "http/cli/commands.h"
#include "http/cli/operator_answer.h"
#include "http/cli/operator_client.h"
#include "http/cli/table.h"

namespace tarn::cli {
namespace {

// One line from standard input; on a terminal it is asked for twice and not shown.
Result<std::string> ReadPassword(bool from_stdin) {
  const auto read_line = []() -> Result<std::string> {
    std::string line;
    if (!std::getline(std::cin, line) || line.empty()) return InvalidArgument("no password was given");
    if (line.size() > limits::kPasswordBytesMax) return InvalidArgument("the password is longer than 1024 bytes");
    return line;
  };
  if (from_stdin) return read_line();
  termios shown{};
  if (tcgetattr(STDIN_FILENO, &shown) != 0) {
    return InvalidArgument("standard input is not a terminal: pass the password with --password-stdin");
  }
  termios hidden = shown;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  std::fputs("password: ", stderr);
  auto first = read_line();
  std::fputs("\nagain: ", stderr);
  auto second = read_line();
  std::fputs("\n", stderr);
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
  if (!first.ok()) return first;
  if (!second.ok() || *first != *second) return InvalidArgument("the two passwords differ");
  return first;
}

void PrintUsers(const http::JsonBody& answer) {
  std::vector<std::vector<std::string>> rows = {{"NAME", "ROLE", "EMAIL", "CREATED (UTC)"}};
  for (const http::JsonBody& user : Items(answer, "users")) {
    rows.push_back({Text(user, "name"), IsTrue(user, "admin") ? "admin" : "user", Text(user, "email"),
                    ShortTime(Text(user, "created"))});
  }
  if (rows.size() > 1)
    std::fputs(FormatTable(rows).c_str(), stdout);
  else
    std::puts("There are no accounts. Make the first one with: tarn user add NAME --admin");
}

// What the token may do …
std::string RightsOf(const http::JsonBody& token) {
  std::string text;
  for (const http::JsonBody& permission : Items(token, "permissions")) {
    const bool is_org = Text(permission, "name") == "org";
    const std::string action = Text(permission, "action");
    text += text.empty() ? "" : ", ";
    text += is_org ? "organisations: " : "";
    text += action == "write" ? "read, write" : action == "stage" ? "read, stage" : action;
  }
  return IsTrue(token, "bypass_2fa") ? text + ", no one-time password" : text;
}

// … and with what.
std::string PlacesOf(const http::JsonBody& token) {
  std::string text;
  for (const http::JsonBody& scope : Items(token, "scopes")) {
    const std::string name = Text(scope, "name");
    text += text.empty() ? "" : " ";
    if (Text(scope, "type") == "org")
      text += "organisation " + name;
    else
      text += name == "*" ? "everything" : name;
  }
  return text;
}

// The key comes last: it is long, and what `tarn token revoke` wants.
void PrintTokens(const http::JsonBody& answer, const std::string& user) {
  std::vector<std::vector<std::string>> rows = {
      {"TOKEN", "NAME", "MAY", "WITH", "FROM", "CREATED (UTC)", "EXPIRES (UTC)", "KEY"}};
  for (const http::JsonBody& token : Items(answer, "tokens")) {
    const std::string networks = Joined(token, "cidr");
    const std::string expires = Text(token, "expires");
    rows.push_back({Text(token, "preview") + "...", Text(token, "name"), RightsOf(token), PlacesOf(token),
                    networks.empty() ? "anywhere" : networks, ShortTime(Text(token, "created")),
                    expires.empty() ? "never" : ShortTime(expires), Text(token, "key")});
  }
  if (rows.size() > 1)
    std::fputs(FormatTable(rows).c_str(), stdout);
  else
    std::printf("%s has no tokens.\n", user.c_str());
}

std::string JsonStrings(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) out += (out.size() > 1 ? "," : "") + JsonString(text);
  return out + "]";
}

std::string_view PackagesPermission(const TokenArguments& arguments) {
  if (arguments.publish_only) return "publish-only";
  if (arguments.stage_only) return "read-write-stage-only";
  return arguments.read_only ? "read-only" : "read-write";
}

// The members that limit the token; none when nothing but --read-only was asked for.
std::string LimitMembers(const TokenArguments& arguments) {
  const bool names_packages = !arguments.packages.empty() || !arguments.scopes.empty();
  const bool names_act = arguments.publish_only || arguments.stage_only;
  const bool is_limited = names_packages || names_act || !arguments.orgs.empty() || arguments.bypass_second_factor;
  if (!is_limited) return std::string();
  std::string members = ",\"packages\":" + JsonStrings(arguments.packages);
  members += ",\"scopes\":" + JsonStrings(arguments.scopes) + ",\"orgs\":" + JsonStrings(arguments.orgs);
  // Organisations alone are no packages.
  if (names_packages || names_act || arguments.orgs.empty()) {
    members += ",\"packages_and_scopes_permission\":" + JsonString(PackagesPermission(arguments));
    members += std::string(",\"packages_all\":") + (names_packages ? "false" : "true");
  }
  if (!arguments.orgs.empty()) members += ",\"orgs_permission\":" + JsonString(arguments.orgs_permission);
  if (arguments.bypass_second_factor) members += ",\"bypass_2fa\":true";
  return members;
}

}  // namespace

int Fail(const Status& status) {
  std::fprintf(stderr, "tarn: %.*s\n", static_cast<int>(status.message().size()), status.message().data());
  return kExitFailed;
}

int RunUser(const Config& config, const UserArguments& arguments) {
  using Action = UserArguments::Action;
  std::string password;
  if (arguments.action == Action::kAdd || arguments.action == Action::kPassword) {
    auto read = ReadPassword(arguments.password_stdin);
    if (!read.ok()) return Fail(read.status());
    password = std::move(*read);
  }
  auto node = Operator::Connect(config, arguments.action == Action::kAdd ? IfMissing::kCreate : IfMissing::kRefuse);
  if (!node.ok()) return Fail(node.status().WithContext(config.data));
  const std::string path = "/users/" + http::PercentEncode(arguments.name);
  switch (arguments.action) {
    case Action::kAdd: {
      const std::string body = "{\"name\":" + JsonString(arguments.name) + ",\"password\":" + JsonString(password) +
                               ",\"email\":" + JsonString(arguments.email) +
                               ",\"admin\":" + (arguments.admin ? "true" : "false") + "}";
      return Finish((*node)->Call("POST", "/users", body), arguments.output,
                    [](const http::JsonBody& user) { std::printf("user %s added\n", Text(user, "name").c_str()); });
    }
    case Action::kPassword:
      return Finish((*node)->Call("PUT", path + "/password", "{\"password\":" + JsonString(password) + "}"),
                    arguments.output,
                    [&](const http::JsonBody&) { std::printf("password of %s changed\n", arguments.name.c_str()); });
    case Action::kRemove:
      return Finish((*node)->Call("DELETE", path, ""), arguments.output, [&](const http::JsonBody&) {
        std::printf("user %s removed, with all tokens\n", arguments.name.c_str());
      });
    case Action::kResetSecondFactor:
      return Finish((*node)->Call("DELETE", path + "/second-factor", ""), arguments.output, [&](const http::JsonBody&) {
        std::printf("%s logs in without a second factor from now on\n", arguments.name.c_str());
      });
    case Action::kList: return Finish((*node)->Call("GET", "/users", ""), arguments.output, PrintUsers);
  }
  return kExitUsage;
}

int RunToken(const Config& config, const TokenArguments& arguments) {
  using Action = TokenArguments::Action;
  auto node = Operator::Connect(config, IfMissing::kRefuse);
  if (!node.ok()) return Fail(node.status().WithContext(config.data));
  const std::string path = "/users/" + http::PercentEncode(arguments.user) + "/tokens";
  switch (arguments.action) {
    case Action::kCreate: {
      std::string body = "{\"name\":" + JsonString(arguments.name) +
                         ",\"read_only\":" + (arguments.read_only ? "true" : "false") +
                         ",\"cidrs\":" + JsonStrings(arguments.cidrs) + LimitMembers(arguments);
      if (arguments.expires_days > 0) {
        body += ",\"expires_ms\":" + std::to_string(SystemClock().NowMs() + arguments.expires_days * 24 * 3600 * 1000);
      }
      return Finish((*node)->Call("POST", path, body + "}"), arguments.output,
                    [](const http::JsonBody& token) { std::printf("%s\n", Text(token, "token").c_str()); });
    }
    case Action::kList:
      return Finish((*node)->Call("GET", path, ""), arguments.output,
                    [&](const http::JsonBody& tokens) { PrintTokens(tokens, arguments.user); });
    case Action::kRevoke:
      return Finish((*node)->Call("DELETE", "/tokens/" + http::PercentEncode(arguments.key), ""), arguments.output,
                    [](const http::JsonBody&) { std::printf("token revoked\n"); });
  }
  return kExitUsage;
}

int RunStatus(const Config& config, Output output) {
  auto node = Operator::Connect(config, IfMissing::kRefuse);
  if (!node.ok()) return Fail(node.status().WithContext(config.data));
  const bool is_running = (*node)->is_running_server();
  return Finish((*node)->Call("GET", "/status", ""), output, [&](const http::JsonBody& status) {
    const auto lsn = status.Number("lsn");
    const auto epoch = status.Number("epoch");
    std::printf("server:   %s\nrole:     %s, epoch %llu\nlsn:      %llu\nready:    %s\nwritable: %s\n",
                is_running ? "running" : "stopped", Text(status, "role").c_str(),
                static_cast<unsigned long long>(epoch.ok() ? epoch->value_or(0) : 0),
                static_cast<unsigned long long>(lsn.ok() ? lsn->value_or(0) : 0), Text(status, "ready").c_str(),
                Text(status, "writable").c_str());
  });
}

}  // namespace tarn::cli

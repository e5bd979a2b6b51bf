#include "storage/registry/package_name.h"

#include <algorithm>
#include <iterator>

#include "storage/base/limits.h"
#include "storage/registry/semver.h"

namespace tarn::registry {
namespace {

// Node's public modules (`module.builtinModules` of Node 24 without those that no package can be
// called anyway: "_…", "…/…", "node:…"). Sorted.
constexpr std::string_view kNodeCoreModules[] = {
    "assert",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "diagnostics_channel",
    "dns",
    "domain",
    "events",
    "fs",
    "http",
    "http2",
    "https",
    "inspector",
    "module",
    "net",
    "os",
    "path",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "repl",
    "stream",
    "string_decoder",
    "sys",
    "timers",
    "tls",
    "trace_events",
    "tty",
    "url",
    "util",
    "v8",
    "vm",
    "wasi",
    "worker_threads",
    "zlib",
};
static_assert(std::is_sorted(std::begin(kNodeCoreModules), std::end(kNodeCoreModules)));

constexpr size_t kQuotedNameBytesMax = 64;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }

// What JavaScript's encodeURIComponent leaves as it is.
bool IsUrlSafe(char c) {
  return IsLower(c) || IsUpper(c) || IsDigit(c) || std::string_view("-_.!~*'()").find(c) != std::string_view::npos;
}

bool IsUrlSafe(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return IsUrlSafe(c); });
}

bool IsControlOrSpace(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte <= 0x20 || byte == 0x7f;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (IsUpper(c)) c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// Input is repeated in messages, but never much of it and never what a terminal would obey.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text.substr(0, kQuotedNameBytesMax)) {
    const auto byte = static_cast<unsigned char>(c);
    quoted += byte < 0x20 || byte >= 0x7f || c == '"' ? '?' : c;
  }
  quoted += text.size() > kQuotedNameBytesMax ? "…\"" : "\"";
  return quoted;
}

Status BadName(std::string_view name, std::string_view rule) {
  return InvalidArgument("Invalid package name " + Quoted(name) + ": " + std::string(rule));
}

// UTF-8 without the control characters beyond ASCII.
bool IsPrintableUtf8(std::string_view text) {
  while (!text.empty()) {
    const auto lead = static_cast<unsigned char>(text.front());
    const size_t size = lead < 0x80 ? 1 : lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : 4;
    if (lead >= 0x80 && (lead < 0xc2 || lead > 0xf4)) return false;
    if (text.size() < size) return false;
    for (size_t i = 1; i < size; ++i) {
      if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return false;
    }
    const auto second = size > 1 ? static_cast<unsigned char>(text[1]) : 0;
    const bool is_overlong_or_beyond = (lead == 0xe0 && second < 0xa0) || (lead == 0xed && second >= 0xa0) ||
                                       (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second >= 0x90);
    if (is_overlong_or_beyond || (lead == 0xc2 && second < 0xa0)) return false;
    text.remove_prefix(size);
  }
  return true;
}

// What names had before npm checked them: anything that can be told from a path, a scope and a user.
bool IsOldName(std::string_view name) {
  const auto is_allowed = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte != 0x7f && std::string_view("/\\:@").find(c) == std::string_view::npos;
  };
  return name.front() != ' ' && name.back() != ' ' && std::all_of(name.begin(), name.end(), is_allowed) &&
         IsPrintableUtf8(name);
}

constexpr std::string_view kNotUrlSafe = "a name can only contain URL-friendly characters";

Status CheckUnscoped(std::string_view name) {
  if (name.front() == '.') return BadName(name, "a name cannot begin with a period");
  if (name.front() == '_') return BadName(name, "a name cannot begin with an underscore");
  if (name.front() == '-') return BadName(name, "a name cannot begin with a hyphen");
  const std::string lower = Lower(name);
  if (lower == "node_modules" || lower == "favicon.ico") {
    return BadName(name, "this name is reserved");
  }
  if (!IsOldName(name)) return BadName(name, kNotUrlSafe);
  return OkStatus();
}

// "@scope/base"; `slash` is where the slash is.
Status CheckScoped(std::string_view name, size_t slash) {
  const std::string_view scope = name.substr(1, slash - 1);
  const std::string_view base = name.substr(slash + 1);
  if (scope.empty()) return BadName(name, "the scope is empty");
  if (base.empty()) return BadName(name, "the part after the scope is empty");
  // npm's own check lets scopes begin with a period; no account or organisation can be called so,
  // and "@../x" must not come near a path.
  if (scope.front() == '.') return BadName(name, "a scope cannot begin with a period");
  if (base.front() == '.') return BadName(name, "a name cannot begin with a period");
  if (!IsUrlSafe(scope) || !IsUrlSafe(base)) return BadName(name, kNotUrlSafe);
  return OkStatus();
}

}  // namespace

Result<PackageName> PackageName::Parse(std::string_view text) {
  if (text.empty()) return BadName(text, "a name cannot be empty");
  if (text.size() > limits::kPackageNameBytesMax) {
    return BadName(text,
                   "a name cannot be longer than " + std::to_string(limits::kPackageNameBytesMax) + " characters");
  }
  if (text.front() != '@') {
    RETURN_IF_ERROR(CheckUnscoped(text));
    return PackageName(text, 0);
  }
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return BadName(text, "a name that begins with @ must have the form @scope/name");
  }
  RETURN_IF_ERROR(CheckScoped(text, slash));
  return PackageName(text, slash + 1);
}

Result<PackageName> PackageName::ParseNew(std::string_view text) {
  ASSIGN_OR_RETURN(PackageName name, Parse(text));
  if (!IsUrlSafe(name.base())) return BadName(text, kNotUrlSafe);
  if (std::any_of(text.begin(), text.end(), IsUpper)) {
    return BadName(text, "new names cannot contain capital letters");
  }
  if (name.base().find_first_of("~'!()*") != std::string_view::npos) {
    return BadName(text, "new names cannot contain any of ~'!()*");
  }
  if (std::binary_search(std::begin(kNodeCoreModules), std::end(kNodeCoreModules), text)) {
    return BadName(text, "this is the name of a Node.js core module");
  }
  return name;
}

std::string PackageName::EncodePath() const {
  if (!is_scoped()) return full_;
  std::string path = full_.substr(0, base_offset_ - 1);
  path += "%2f";
  path += base();
  return path;
}

Result<UserName> UserName::Parse(std::string_view text) {
  const auto bad = [&](std::string_view rule) {
    return InvalidArgument("Invalid user name " + Quoted(text) + ": " + std::string(rule));
  };
  if (text.empty()) return bad("a name cannot be empty");
  if (text.size() > limits::kUserNameBytesMax) {
    return bad("a name cannot be longer than " + std::to_string(limits::kUserNameBytesMax) + " characters");
  }
  if (std::any_of(text.begin(), text.end(), IsUpper)) return bad("a name must be lower case");
  if (text.front() == '.') return bad("a name cannot begin with a period");
  if (text.front() == '_') return bad("a name cannot begin with an underscore");
  // ":" separates name and password in Basic credentials and is not URL-safe either.
  if (!IsUrlSafe(text)) return bad("a name can only contain URL-friendly characters");
  if (text.find('\'') != std::string_view::npos) return bad("a name cannot contain '");
  return UserName(text);
}

// npm-user-validate: /^[^@]+@.+\..+$/. White space and control bytes are refused on top, because
// addresses end up in headers and on terminals.
Status ValidateEmail(std::string_view text) {
  if (text.size() > limits::kEmailBytesMax) {
    return InvalidArgument("Invalid e-mail address: longer than " + std::to_string(limits::kEmailBytesMax) +
                           " characters");
  }
  const size_t at = text.find('@');
  const bool has_local_part = at != std::string_view::npos && at > 0;
  // A period with something on both sides, somewhere after the "@".
  const size_t dot = has_local_part ? text.find('.', at + 2) : std::string_view::npos;
  if (!has_local_part || dot == std::string_view::npos || dot + 1 == text.size() ||
      std::any_of(text.begin(), text.end(), IsControlOrSpace)) {
    return InvalidArgument("Invalid e-mail address " + Quoted(text));
  }
  return OkStatus();
}

Status ValidateDistTag(std::string_view tag) {
  const auto bad = [&](std::string_view rule) {
    return InvalidArgument("Invalid dist-tag " + Quoted(tag) + ": " + std::string(rule));
  };
  if (tag.empty()) return bad("a tag cannot be empty");
  if (tag.size() > limits::kDistTagBytesMax) {
    return bad("a tag cannot be longer than " + std::to_string(limits::kDistTagBytesMax) + " characters");
  }
  const auto is_control = [](char c) { return IsControlOrSpace(c) && c != ' '; };
  if (std::any_of(tag.begin(), tag.end(), is_control)) {
    return bad("a tag cannot contain control characters");
  }
  if (tag.front() == ' ' || tag.back() == ' ') return bad("a tag cannot begin or end with a space");
  if (tag.find('/') != std::string_view::npos) return bad("a tag cannot contain a slash");
  if (IsValidRange(tag)) return bad("a tag cannot be a valid SemVer range");
  return OkStatus();
}

}  // namespace tarn::registry

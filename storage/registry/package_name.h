#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "storage/base/result.h"

namespace tarn::registry {

// The name of a package, "name" or "@scope/name", as JSON documents write it (paths are decoded
// before they come here). Parse is the only way in: whoever holds one needs no further check, and
// it is safe as part of a key and of a path (no control bytes, no "..", no empty part).
//
// Rules: validate-npm-package-name (npm's own check).
//   Parse     what ever was a valid name; capitals included, since legacy packages have them, and without a scope
//             spaces, punctuation and letters of all languages, which the oldest registries took.
//   ParseNew  what a package created today may be called: URL-safe, no capitals, none of ~'!()*
//             in the last part, not the name of a Node core module. "-" alone stays refused in
//             both.
// Errors: kInvalidArgument, with the rule in words.
// Threads: a value type.
class PackageName {
 public:
  static Result<PackageName> Parse(std::string_view text);
  static Result<PackageName> ParseNew(std::string_view text);

  // "@scope/name" or "name".
  const std::string& full() const { return full_; }
  // "scope" without the "@", or empty.
  std::string_view scope() const {
    return is_scoped() ? std::string_view(full_).substr(1, base_offset_ - 2) : std::string_view();
  }
  // The part after the scope: tarballs are called "<base>-<version>.tgz".
  std::string_view base() const { return std::string_view(full_).substr(base_offset_); }
  bool is_scoped() const { return base_offset_ != 0; }
  // As one path segment, the way npm writes it: "@scope%2fname".
  std::string EncodePath() const;

  auto operator<=>(const PackageName&) const = default;

 private:
  PackageName(std::string_view full, size_t base_offset) : full_(full), base_offset_(base_offset) {}

  std::string full_;
  size_t base_offset_ = 0;  // 0: no scope.
};

// The name of an account: lower case, URL-safe, at most limits::kUserNameBytesMax bytes, not
// beginning with "." or "_", without "'" and ":".
// Rules: npm-user-validate and the CouchDB application (contract, sections 14 and 15).
// Errors: kInvalidArgument. Threads: a value type.
class UserName {
 public:
  static Result<UserName> Parse(std::string_view text);

  const std::string& text() const { return text_; }
  auto operator<=>(const UserName&) const = default;

 private:
  explicit UserName(std::string_view text) : text_(text) {}

  std::string text_;
};

// OK when `text` may be an account's address: "something@something.something" without white space
// or control bytes, at most limits::kEmailBytesMax bytes. kInvalidArgument otherwise.
Status ValidateEmail(std::string_view text);

// OK when `tag` may be a dist-tag: not empty, at most limits::kDistTagBytesMax bytes, no "/", no
// control bytes, no space around it, and not a valid semver range, because clients would then never
// look it up as a tag. kInvalidArgument otherwise.
Status ValidateDistTag(std::string_view tag);

}  // namespace tarn::registry

template <>
struct std::hash<tarn::registry::PackageName> {
  size_t operator()(const tarn::registry::PackageName& name) const noexcept {
    return std::hash<std::string>()(name.full());
  }
};

template <>
struct std::hash<tarn::registry::UserName> {
  size_t operator()(const tarn::registry::UserName& name) const noexcept {
    return std::hash<std::string>()(name.text());
  }
};

#pragma once

#include <string>
#include <string_view>

#include "storage/base/result.h"

// Passwords as CouchDB's `_users` keeps them, in a text of our own, which stands in the place of our hash until the user
// logs in for the first time. Written to disk since format 1:
//   $couch-simple$SALT$HEX                   SHA-1 of password and salt (CouchDB 1.0 to 1.2, and npm's own client)
//   $couch-pbkdf2$PRF$ITERATIONS$SALT$HEX    PRF: sha, sha224, sha256, sha384, sha512 (CouchDB 1.3 on; "sha" is SHA-1)
// The salt is text, used as it stands; it holds no "$".
namespace tarn::registry {

// From the members of a user's document; `prf` and `iterations` are looked at for "pbkdf2" alone, an empty `prf` is "sha",
// an empty `scheme` "simple". kInvalidArgument says what is not known or not possible.
Result<std::string> MakeCouchHash(std::string_view scheme, std::string_view prf, std::string_view iterations,
                                  std::string_view salt, std::string_view derived_hex);

// Whether it is such a text, whole and within its limits.
bool IsCouchHash(std::string_view hash);
// Whether `password` is the one; false for what is no such text, and for an empty password. Takes up to seconds of CPU.
bool MatchesCouch(std::string_view hash, std::string_view password);

}  // namespace tarn::registry

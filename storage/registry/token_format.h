#pragma once

#include <string>
#include <string_view>

#include "storage/base/ids.h"
#include "storage/base/random.h"

// What a token looks like: "tarn_", 43 characters of [0-9A-Za-z] that hold 256 random bits, 6 more that check them.
// The prefix lets secret scanners recognise one; the check lets them, and us, tell a token from a typing error without
// a look-up. Written to disk since format 1 is only the SHA-256: a slow hash protects guessable secrets, and this is
// none. Threads: any.
namespace tarn::registry {

std::string MakeToken(Random* random);
// It has the form above and its check is right; whether it is anybody's is another question.
bool IsTokenWellFormed(std::string_view token);
Sha256Digest HashToken(std::string_view token);
// The first characters: enough to tell one's own tokens apart, and npm revokes by a prefix of it.
std::string PreviewOfToken(std::string_view token);

}  // namespace tarn::registry

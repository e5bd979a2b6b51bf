#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "storage/base/bytes.h"

namespace tarn::engine {

// The bytes of FORMAT.md's example with this title. Each line is "offset  bytes  what", and the offsets must add up.
inline std::string ExampleBytes(const std::string& title) {
  std::ifstream page(std::string(TARN_STORAGE_DIR) + "/FORMAT.md");
  EXPECT_TRUE(page.good());
  std::string line;
  while (std::getline(page, line) && line != "Example: " + title) {
  }
  while (std::getline(page, line) && line != "```") {
  }
  std::string bytes;
  while (std::getline(page, line) && line != "```") {
    EXPECT_EQ(std::stoull(line.substr(0, 4), nullptr, 16), bytes.size()) << line;
    std::string digits = line.substr(6, line.find("  ", 6) - 6);
    std::erase(digits, ' ');
    const auto decoded = HexDecode(digits);
    EXPECT_TRUE(decoded.ok()) << line;
    if (decoded.ok()) bytes += *decoded;
  }
  EXPECT_FALSE(bytes.empty()) << "FORMAT.md has no example '" << title << "'";
  return bytes;
}

}  // namespace tarn::engine

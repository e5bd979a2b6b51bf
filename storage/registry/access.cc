#include "storage/registry/access.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

namespace tarn::registry {
namespace {

constexpr int kMappedPrefixBits = 96;  // ::ffff:0:0/96 holds IPv4 (RFC 4291, section 2.5.5.2).

struct ParsedAddress {
  std::array<uint8_t, 16> ip{};
  bool is_v4 = false;
};

Result<ParsedAddress> ParseAddress(std::string_view text) {
  ParsedAddress result;
  const std::string terminated(text);  // inet_pton wants a C string; a NUL inside must not cut it.
  if (terminated.find('\0') == std::string::npos) {
    in_addr v4;
    if (inet_pton(AF_INET, terminated.c_str(), &v4) == 1) {
      result.ip[10] = result.ip[11] = 0xff;
      std::memcpy(&result.ip[12], &v4, sizeof(v4));
      result.is_v4 = true;
      return result;
    }
    if (inet_pton(AF_INET6, terminated.c_str(), result.ip.data()) == 1) return result;
  }
  return InvalidArgument("not an IP address: \"" + terminated + "\"");
}

}  // namespace

Result<PeerAddress> PeerAddress::Parse(std::string_view text) {
  ASSIGN_OR_RETURN(const ParsedAddress parsed, ParseAddress(text));
  PeerAddress address;
  address.ip = parsed.ip;
  return address;
}

std::string PeerAddress::ToString() const {
  if (!ip) return std::string();
  constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const bool is_v4 = std::memcmp(ip->data(), kMapped.data(), kMapped.size()) == 0;
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(is_v4 ? AF_INET : AF_INET6, ip->data() + (is_v4 ? kMapped.size() : 0), text, sizeof(text));
  return text;
}

Result<Cidr> Cidr::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  const auto parsed = ParseAddress(text.substr(0, slash));
  if (!parsed.ok()) return parsed.status().WithContext("CIDR \"" + std::string(text) + "\"");
  const int bits_max = parsed->is_v4 ? 32 : 128;
  int bits = bits_max;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (error != std::errc() || end != digits.data() + digits.size() || digits.front() == '-' || bits > bits_max) {
      return InvalidArgument("CIDR \"" + std::string(text) + "\": the prefix length must be 0 to " +
                             std::to_string(bits_max));
    }
  }
  Cidr cidr;
  cidr.text_ = text;
  cidr.network_ = parsed->ip;
  cidr.prefix_bits_ = parsed->is_v4 ? kMappedPrefixBits + bits : bits;
  return cidr;
}

bool Cidr::Contains(const PeerAddress& address) const {
  if (!address.ip) return false;
  const auto whole_bytes = static_cast<size_t>(prefix_bits_ / 8);
  if (std::memcmp(network_.data(), address.ip->data(), whole_bytes) != 0) return false;
  const int rest_bits = prefix_bits_ % 8;
  if (rest_bits == 0) return true;
  const int mask = 0xff << (8 - rest_bits);
  return ((network_[whole_bytes] ^ (*address.ip)[whole_bytes]) & mask) == 0;
}

}  // namespace tarn::registry

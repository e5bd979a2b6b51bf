#include "storage/base/public_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <string>

namespace tarn {
namespace {

struct Block4 {
  uint32_t address;  // Host byte order.
  int bits;
};

constexpr uint32_t Ip4(uint32_t a, uint32_t b, uint32_t c, uint32_t d) { return a << 24 | b << 16 | c << 8 | d; }

constexpr Block4 kReserved4[] = {
    {Ip4(0, 0, 0, 0), 8},        // This network.
    {Ip4(10, 0, 0, 0), 8},       // Private.
    {Ip4(100, 64, 0, 0), 10},    // Shared by carriers.
    {Ip4(127, 0, 0, 0), 8},      // Loopback.
    {Ip4(169, 254, 0, 0), 16},   // Link-local; the metadata services of cloud machines.
    {Ip4(172, 16, 0, 0), 12},    // Private.
    {Ip4(192, 0, 0, 0), 24},     // Protocol assignments.
    {Ip4(192, 0, 2, 0), 24},     // Documentation.
    {Ip4(192, 88, 99, 0), 24},   // 6to4 relays.
    {Ip4(192, 168, 0, 0), 16},   // Private.
    {Ip4(198, 18, 0, 0), 15},    // Benchmarks.
    {Ip4(198, 51, 100, 0), 24},  // Documentation.
    {Ip4(203, 0, 113, 0), 24},   // Documentation.
    {Ip4(224, 0, 0, 0), 3},      // Multicast, reserved, broadcast.
};

bool IsPublic4(uint32_t address) {
  for (const Block4& block : kReserved4) {
    if ((address ^ block.address) >> (32 - block.bits) == 0) return false;
  }
  return true;
}

uint32_t Embedded4(const uint8_t* bytes) { return Ip4(bytes[0], bytes[1], bytes[2], bytes[3]); }

bool IsPublic6(const uint8_t* bytes) {
  static constexpr uint8_t kNat64[12] = {0x00, 0x64, 0xff, 0x9b};  // 64:ff9b::/96, RFC 6052.
  if (std::memcmp(bytes, kNat64, sizeof(kNat64)) == 0) return IsPublic4(Embedded4(bytes + 12));
  const uint32_t head = Embedded4(bytes);
  if (head >> 29 != 1) return false;                              // Global unicast is 2000::/3.
  if (head >> 9 == 0x20010000 >> 9) return false;                 // 2001::/23: Teredo, ORCHID, benchmarks.
  if (head == 0x20010db8 || head >> 12 == 0x3fff0) return false;  // Documentation.
  return head >> 16 != 0x2002;                                    // 6to4.
}

}  // namespace

bool IsPublicAddress(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address, sizeof(v4));
    return IsPublic4(ntohl(v4.sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &address, sizeof(v6));
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return IsPublic4(Embedded4(v6.sin6_addr.s6_addr + 12));
    return IsPublic6(v6.sin6_addr.s6_addr);
  }
  return false;
}

bool IsPublicAddressOrName(std::string_view host) {
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  const std::string text(host.substr(0, host.find('%')));  // Without an IPv6 zone.
  sockaddr_storage storage{};
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    std::memcpy(&storage, &v4, sizeof(v4));
  } else if (inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    std::memcpy(&storage, &v6, sizeof(v6));
  } else {
    return true;
  }
  return IsPublicAddress(reinterpret_cast<const sockaddr&>(storage));
}

}  // namespace tarn

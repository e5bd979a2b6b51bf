#include "storage/registry/access.h"

#include <gtest/gtest.h>

namespace tarn::registry {
namespace {

TEST(Cidr, Contains) {
  struct Row {
    const char* cidr;
    const char* address;
    bool expected;
  };
  const Row rows[] = {
      {"10.0.0.0/8", "10.255.1.2", true},
      {"10.0.0.0/8", "11.0.0.0", false},
      {"10.1.2.3/8", "10.9.9.9", true},  // Host bits do not matter.
      {"192.0.2.7", "192.0.2.7", true},
      {"192.0.2.7", "192.0.2.6", false},
      {"192.0.2.128/25", "192.0.2.127", false},
      {"192.0.2.128/25", "192.0.2.129", true},
      {"0.0.0.0/0", "203.0.113.9", true},
      {"0.0.0.0/0", "2001:db8::1", false},
      {"10.0.0.0/8", "::ffff:10.1.1.1", true},  // A dual-stack socket's word for the same peer.
      {"::ffff:10.0.0.0/104", "10.1.1.1", true},
      {"2001:db8::/32", "2001:db8:ffff::1", true},
      {"2001:db8::/32", "2001:db9::1", false},
      {"2001:db8::/33", "2001:db8:8000::1", false},
      {"::/0", "2001:db8::1", true},
      {"::1", "::1", true},
  };
  for (const Row& row : rows) {
    const auto cidr = Cidr::Parse(row.cidr);
    ASSERT_TRUE(cidr.ok()) << row.cidr;
    EXPECT_EQ(cidr->Contains(PeerAddress::Parse(row.address).value()), row.expected) << row.cidr << " " << row.address;
    EXPECT_FALSE(cidr->Contains(PeerAddress{})) << "a Unix socket has no address";
    EXPECT_EQ(cidr->text(), row.cidr);
  }
}

TEST(Cidr, RefusesWhatIsNone) {
  for (const char* text : {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.0/8x",
                           "10.0.0", "2001:db8::/129", "2001:db8::g", "localhost", " 10.0.0.0/8", "10.0.0.0/+8"}) {
    EXPECT_EQ(Cidr::Parse(text).code(), Code::kInvalidArgument) << text;
  }
  EXPECT_FALSE(Cidr::Parse(std::string_view("10.0.0.1\0.0", 11)).ok());
}

}  // namespace
}  // namespace tarn::registry

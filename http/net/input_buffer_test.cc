#include "http/net/input_buffer.h"

#include <gtest/gtest.h>

#include <string>

namespace tarn::http {
namespace {

void Receive(InputBuffer* buffer, std::string_view bytes) {
  ASSERT_GE(buffer->free().size(), bytes.size());
  std::memcpy(buffer->free().data(), bytes.data(), bytes.size());
  buffer->Commit(bytes.size());
}

TEST(InputBuffer, KeepsWhatIsNotConsumed) {
  InputBuffer buffer(16);
  Receive(&buffer, "0123456789");
  const char* const start = buffer.view().data();
  buffer.Consume(4);
  EXPECT_EQ(buffer.view(), "456789");
  EXPECT_EQ(buffer.view().data(), start + 4) << "consuming moves nothing";
  buffer.MakeRoom(10);  // By moving.
  EXPECT_EQ(buffer.capacity(), 16u);
  EXPECT_EQ(buffer.view(), "456789");
  Receive(&buffer, "abcdefghij");
  buffer.MakeRoom(1);  // By growing.
  EXPECT_EQ(buffer.capacity(), 32u);
  EXPECT_EQ(buffer.view(), "456789abcdefghij");
  buffer.Append(std::string(100, 'x'));
  EXPECT_EQ(buffer.view().size(), 116u);
  buffer.Clear();
  EXPECT_TRUE(buffer.empty());
}

}  // namespace
}  // namespace tarn::http

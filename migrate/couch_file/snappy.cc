#include "migrate/couch_file/snappy.h"

#include <cstdint>
#include <cstring>

namespace tarn::couch_file {
namespace {

// What a tag's two low bits say.
constexpr unsigned kLiteral = 0;
constexpr unsigned kCopyOneByteOffset = 1;
constexpr unsigned kCopyTwoByteOffset = 2;
constexpr size_t kLiteralInTagMax = 60;  // Above: the length follows in 1 to 4 bytes.

Status Bad(const char* what) { return Corruption(std::string("snappy: ") + what); }

struct Element {
  bool literal = false;
  size_t bytes = 0;
  size_t offset = 0;  // Of a copy, backwards.
};

size_t LoadLittle(const unsigned char* in, size_t count) {
  size_t value = 0;
  for (size_t i = 0; i < count; ++i) value |= size_t{in[i]} << (8 * i);
  return value;
}

// Reads the tag at *in; false if it is cut off.
bool ReadElement(const unsigned char** in, const unsigned char* end, Element* element) {
  const unsigned tag = *(*in)++;
  const auto left = static_cast<size_t>(end - *in);
  size_t extra = 0;
  switch (tag & 3) {
    case kLiteral: {
      element->literal = true;
      element->bytes = (tag >> 2) + 1;
      if (element->bytes > kLiteralInTagMax) {
        extra = element->bytes - kLiteralInTagMax;
        if (left < extra) return false;
        element->bytes = LoadLittle(*in, extra) + 1;
      }
      break;
    }
    case kCopyOneByteOffset:
      extra = 1;
      if (left < extra) return false;
      element->literal = false;
      element->bytes = ((tag >> 2) & 7) + 4;
      element->offset = (size_t{tag >> 5} << 8) | **in;
      break;
    default:
      extra = (tag & 3) == kCopyTwoByteOffset ? 2 : 4;
      if (left < extra) return false;
      element->literal = false;
      element->bytes = (tag >> 2) + 1;
      element->offset = LoadLittle(*in, extra);
      break;
  }
  *in += extra;
  return true;
}

void CopyWithin(char* out, size_t offset, size_t bytes) {
  if (offset >= bytes) {
    std::memcpy(out, out - offset, bytes);
    return;
  }
  // The copy reads what it writes: a repetition.
  const char* const from = out - offset;
  for (size_t i = 0; i < bytes; ++i) out[i] = from[i];
}

Status ReadLength(const unsigned char** in, const unsigned char* end, uint64_t* length) {
  *length = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    if (*in == end) return Bad("the length is cut off");
    const unsigned byte = *(*in)++;
    *length |= uint64_t{byte & 0x7F} << shift;
    if (byte < 0x80) return OkStatus();
  }
  return Bad("the length has more than five bytes");
}

}  // namespace

Status SnappyDecode(std::string_view block, size_t bytes_max, std::string* out) {
  const auto* in = reinterpret_cast<const unsigned char*>(block.data());
  const unsigned char* const end = in + block.size();
  uint64_t length = 0;
  RETURN_IF_ERROR(ReadLength(&in, end, &length));
  if (length > bytes_max) {
    return TooLarge("snappy: " + std::to_string(length) + " bytes; at most " + std::to_string(bytes_max) + " are read");
  }
  // Each element has at least two bytes and gives at most 64, literals one for one.
  if (length > block.size() * 64) return Bad("the length is more than the block can give");
  out->resize(static_cast<size_t>(length));
  char* const begin = out->data();
  size_t written = 0;
  Element element;
  while (in != end) {
    if (!ReadElement(&in, end, &element)) return Bad("an element is cut off");
    if (element.bytes > length - written) return Bad("more bytes than the block says");
    if (element.literal) {
      if (element.bytes > static_cast<size_t>(end - in)) return Bad("a literal is cut off");
      std::memcpy(begin + written, in, element.bytes);
      in += element.bytes;
    } else {
      if (element.offset == 0 || element.offset > written) return Bad("a copy from before the beginning");
      CopyWithin(begin + written, element.offset, element.bytes);
    }
    written += element.bytes;
  }
  return written == length ? OkStatus() : Bad("fewer bytes than the block says");
}

}  // namespace tarn::couch_file

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "replication/proposal_intake.h"
#include "storage/base/bytes.h"
#include "storage/base/check.h"
#include "storage/base/digest.h"
#include "storage/testing/builders.h"
#include "storage/testing/mem_store.h"

namespace {

using tarn::replication::ProposalIntake;

// What a peer sends, in pieces: the code of the answer. Whatever was committed has its blobs, and they are what they say.
tarn::Code Send(std::string_view body, size_t piece_bytes) {
  tarn::MemStore store;
  tarn::Code code = tarn::Code::kOk;
  {
    ProposalIntake intake(&store);
    for (size_t at = 0; at < body.size() && code == tarn::Code::kOk; at += piece_bytes) {
      code = intake.Consume(body.substr(at, piece_bytes)).code();
    }
    if (code == tarn::Code::kOk) code = intake.Finish().code();
  }
  CHECK((store.last_lsn() == tarn::Lsn(1)) == (code == tarn::Code::kOk));
  if (code != tarn::Code::kOk) return code;
  const auto record = store.log().Read(tarn::Lsn(1));
  CHECK(record.ok());
  for (const tarn::engine::BlobInfo& blob : record->blobs) {
    const auto bytes = tarn::ReadBlob(store, blob.sha512);
    CHECK(bytes.ok() && tarn::Sha512(*bytes) == blob.sha512);
  }
  return code;
}

}  // namespace

// The first byte: the size of the pieces.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  CHECK(Send(body, body.size() + 1) == Send(body, std::max<size_t>(data[0], 1)));
  return 0;
}

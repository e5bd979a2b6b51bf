// Reading a database file of CouchDB: documents of 20 versions, each with a tarball of the argument's bytes. Digests are
// checked. The file is in memory, so this is CPU alone. BM_JsonDump is what any reader of a dump of the same documents does at
// least: scan the JSON, decode the base64, compute the MD5.
#include <benchmark/benchmark.h>

#include "migrate/couch_file/database_file.h"
#include "migrate/couch_file/file_builder_for_test.h"
#include "migrate/couch_file/memory_file_for_test.h"
#include "storage/base/bytes.h"
#include "storage/base/limits.h"
#include "storage/base/md5_stream.h"
#include "storage/base/random.h"
#include "storage/registry/json_scanner.h"

namespace tarn::couch_file {
namespace {

using namespace build;  // NOLINT: the builders of terms.

constexpr int kDocuments = 100;
constexpr int kVersions = 20;

std::string Version() {
  return Object({Pair("name", Binary("some-package")), Pair("version", Binary("1.2.3")),
                 Pair("description", Binary(std::string(120, 'd'))), Pair("main", Binary("index.js")),
                 Pair("scripts", Object({Pair("test", Binary("node test.js"))})),
                 Pair("dependencies", Object({Pair("a", Binary("^1.0.0")), Pair("b", Binary("~2.1.0"))})),
                 Pair("dist", Object({Pair("shasum", Binary(std::string(40, 'a'))),
                                      Pair("tarball", Binary("http://registry.example/some-package.tgz"))}))});
}

std::string Database(size_t tarball_bytes) {
  SeededRandom random(1);
  FileBuilder builder(Checksum::kMd5);
  builder.Payload("x");
  for (int i = 0; i < kDocuments; ++i) {
    Doc doc{"package-" + std::to_string(1000 + i), {Rev{}}};
    std::vector<std::string> versions;
    for (int version = 0; version < kVersions; ++version) {
      versions.push_back(Pair("1.0." + std::to_string(version), Version()));
      doc.leaves[0].attachments.push_back(
          {std::to_string(version) + ".tgz", random.Bytes(tarball_bytes), "", 8192, false, 0});
    }
    doc.leaves[0].body = Object({Pair("versions", Object(versions)), Pair("readme", Binary(std::string(4000, 'r')))});
    builder.Add(doc);
  }
  builder.Commit(50);
  return builder.bytes();
}

class Sum final : public migrate::DocumentVisitor {
 public:
  Status BeginDocument(std::string_view) override { return OkStatus(); }
  Status BeginAttachment(const migrate::AttachmentHead&) override { return OkStatus(); }
  Status AppendAttachment(std::string_view piece) override { return Add(piece.size()); }
  Status EndAttachment(const migrate::AttachmentHead&) override { return OkStatus(); }
  Status AbandonAttachment() override { return Internal("damaged"); }
  Status ConflictingBody(std::string_view, std::string_view) override { return OkStatus(); }
  Status EndDocument(migrate::DocumentEnd document) override { return Add(document.body.size()); }
  Status AbandonDocument() override { return Internal("damaged"); }
  Status Finding(migrate::SourceFinding finding) override { return Internal(finding.what); }
  void Progress(uint64_t, std::optional<uint64_t>) override {}
  bool WantsDocument(std::string_view, std::string_view) override { return true; }

  uint64_t bytes = 0;

 private:
  Status Add(size_t count) {
    bytes += count;
    return OkStatus();
  }
};

void BM_CouchFile(benchmark::State& state) {
  const std::string bytes = Database(static_cast<size_t>(state.range(0)));
  Sum sum;
  for (auto _ : state) {
    sum.bytes = 0;
    auto file = DatabaseFile::Open(std::make_unique<MemoryFile>(bytes), "bench.couch");
    const Status read = file.ok() ? (*file)->ReadAll({}, &sum) : file.status();
    if (!read.ok()) state.SkipWithError(read.ToString().c_str());
  }
  // Of what is handed over.
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(sum.bytes));
}
BENCHMARK(BM_CouchFile)->Arg(0)->Arg(12 << 10)->Arg(400 << 10)->Unit(benchmark::kMillisecond);

// Takes the documents and writes them as a dump has them.
class DumpWriter final : public migrate::DocumentVisitor {
 public:
  Status BeginDocument(std::string_view) override {
    attachments_.clear();
    return OkStatus();
  }
  Status BeginAttachment(const migrate::AttachmentHead& head) override {
    attachments_ +=
        (attachments_.empty() ? "" : ",") + ("\"" + head.name) + "\":{\"digest\":\"" + head.digest + "\",\"data\":\"";
    bytes_.clear();
    return OkStatus();
  }
  Status AppendAttachment(std::string_view piece) override {
    bytes_ += piece;
    return OkStatus();
  }
  Status EndAttachment(const migrate::AttachmentHead&) override {
    attachments_ += Base64Encode(bytes_) + "\"}";
    return OkStatus();
  }
  Status AbandonAttachment() override { return Internal("damaged"); }
  Status ConflictingBody(std::string_view, std::string_view) override { return OkStatus(); }
  Status EndDocument(migrate::DocumentEnd document) override {
    document.body.pop_back();
    text += (text.empty() ? "{\"rows\":[" : ",\n") + ("{\"doc\":" + document.body) + ",\"_attachments\":{" +
            attachments_ + "}}}";
    return OkStatus();
  }
  Status AbandonDocument() override { return Internal("damaged"); }
  Status Finding(migrate::SourceFinding finding) override { return Internal(finding.what); }
  void Progress(uint64_t, std::optional<uint64_t>) override {}
  bool WantsDocument(std::string_view, std::string_view) override { return true; }

  std::string text;

 private:
  std::string attachments_;
  std::string bytes_;
};

class DumpReader final : public registry::JsonVisitor {
 public:
  Status OnKey(std::string_view key, uint64_t) override {
    in_data_ = key == "data";
    return OkStatus();
  }
  Status OnStringPiece(std::string_view piece) override {
    if (!in_data_) return OkStatus();
    decoded_.clear();
    RETURN_IF_ERROR(decoder_.Decode(piece, &decoded_));
    md5_.Update(decoded_);
    return OkStatus();
  }
  Status OnStringEnd(uint64_t) override {
    if (in_data_) {
      decoder_ = Base64StreamDecoder();
      benchmark::DoNotOptimize(md5_.Finish());
    }
    in_data_ = false;
    return OkStatus();
  }

 private:
  bool in_data_ = false;
  std::string decoded_;
  Base64StreamDecoder decoder_;
  Md5Stream md5_;
};

void BM_JsonDump(benchmark::State& state) {
  DumpWriter writer;
  Sum sum;
  auto file =
      DatabaseFile::Open(std::make_unique<MemoryFile>(Database(static_cast<size_t>(state.range(0)))), "bench.couch");
  if (!file.ok() || !(*file)->ReadAll({}, &writer).ok() || !(*file)->ReadAll({}, &sum).ok())
    state.SkipWithError("no database");
  writer.text += "]}";
  for (auto _ : state) {
    DumpReader reader;
    registry::JsonScanner scanner(&reader);
    const std::string_view text = writer.text;
    Status read;
    for (size_t i = 0; i < text.size() && read.ok(); i += limits::kBodyChunkBytes) {
      read = scanner.Append(text.substr(i, limits::kBodyChunkBytes));
    }
    if (read.ok()) read = scanner.Finish();
    if (!read.ok()) state.SkipWithError(read.ToString().c_str());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(sum.bytes));
}
BENCHMARK(BM_JsonDump)->Arg(0)->Arg(12 << 10)->Arg(400 << 10)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tarn::couch_file

// Makes the sources that imports are measured with: one registry of random tarballs, a version a package, once as a changes feed
// with attachments and once as a database file of CouchDB's.
//
// usage: import_source MEGABYTES TARBALL_KILOBYTES DUMP DATABASE.couch    (both are as large as the tarballs come to, and more)

#include <cstdio>
#include <cstdlib>
#include <string>

#include "migrate/couch_file/file_builder_for_test.h"
#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/base/random.h"

namespace {

using namespace tarn::couch_file::build;  // NOLINT: the builders of terms.

constexpr char kTime[] = "2012-01-01T12:00:00.000Z";

struct Package {
  std::string name;
  std::string tarball;
  std::string shasum() const { return tarn::HexEncode(tarn::Sha1(tarball).view()); }
  std::string file() const { return name + "-1.0.0.tgz"; }
  std::string url() const { return "http://registry.example/" + name + "/-/" + file(); }
};

std::string Row(const Package& package, size_t number) {
  char rev[48];
  std::snprintf(rev, sizeof(rev), "1-%032zx", number);
  const std::string& name = package.name;
  return "{\"seq\":\"" + std::to_string(number) + "-x\",\"id\":\"" + name + "\",\"changes\":[{\"rev\":\"" + rev +
         "\"}],\"doc\":{\"_id\":\"" + name + "\",\"_rev\":\"" + rev + "\",\"name\":\"" + name +
         "\",\"dist-tags\":{\"latest\":\"1.0.0\"},\"versions\":{\"1.0.0\":{\"name\":\"" + name +
         "\",\"version\":\"1.0.0\",\"dist\":{\"shasum\":\"" + package.shasum() + "\",\"tarball\":\"" + package.url() +
         "\"}}},\"time\":{\"created\":\"" + kTime + "\",\"modified\":\"" + kTime + "\",\"1.0.0\":\"" + kTime +
         "\"},\"maintainers\":[{\"name\":\"alice\",\"email\":\"alice@mail.example\"}],\"_attachments\":{\"" +
         package.file() + "\":{\"content_type\":\"application/octet-stream\",\"revpos\":1,\"digest\":\"md5-" +
         tarn::Base64Encode(tarn::Md5(package.tarball)) + "\",\"data\":\"" + tarn::Base64Encode(package.tarball) +
         "\"}}}}\n";
}

Doc Document(const Package& package) {
  const std::string version = Object(
      {Pair("name", Binary(package.name)), Pair("version", Binary("1.0.0")),
       Pair("dist", Object({Pair("shasum", Binary(package.shasum())), Pair("tarball", Binary(package.url()))}))});
  const std::string times =
      Object({Pair("created", Binary(kTime)), Pair("modified", Binary(kTime)), Pair("1.0.0", Binary(kTime))});
  const std::string alice = Object({Pair("name", Binary("alice")), Pair("email", Binary("alice@mail.example"))});
  Doc document{package.name, {Rev{}}};
  document.leaves[0].body = Object(
      {Pair("name", Binary(package.name)), Pair("dist-tags", Object({Pair("latest", Binary("1.0.0"))})),
       Pair("versions", Object({Pair("1.0.0", version)})), Pair("time", times), Pair("maintainers", List({alice}))});
  document.leaves[0].attachments.push_back({package.file(), package.tarball, "", 8192, false, 0});
  return document;
}

bool Write(const char* path, const std::string& bytes) {
  std::FILE* const file = std::fopen(path, "we");
  if (file == nullptr) return false;
  const bool is_written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  return std::fclose(file) == 0 && is_written;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return std::fputs("usage: import_source MEGABYTES TARBALL_KILOBYTES DUMP DATABASE.couch\n", stderr), 2;
  const size_t tarball_bytes = std::strtoull(argv[2], nullptr, 10) * 1000;
  const size_t count = std::strtoull(argv[1], nullptr, 10) * 1'000'000 / (tarball_bytes * 4 / 3);
  tarn::SeededRandom random(1);
  FileBuilder database(Checksum::kXxh3);
  database.Payload("x");
  std::FILE* const dump = std::fopen(argv[3], "we");
  if (dump == nullptr) return std::perror(argv[3]), 1;
  for (size_t i = 0; i < count; ++i) {
    char name[32];
    std::snprintf(name, sizeof(name), "package-%07zu", i);  // In the order of names.
    const Package package{name, random.Bytes(tarball_bytes)};
    const std::string row = Row(package, i);
    if (std::fwrite(row.data(), 1, row.size(), dump) != row.size()) return std::perror(argv[3]), 1;
    database.Add(Document(package));
  }
  if (std::fclose(dump) != 0) return std::perror(argv[3]), 1;
  database.Commit();
  return Write(argv[4], database.bytes()) ? 0 : (std::perror(argv[4]), 1);
}

#include "storage/testing/synthetic_packument.h"

#include "storage/base/bytes.h"
#include "storage/base/random.h"

namespace tarn::testing {
namespace {

constexpr uint64_t kFirstMs = 1'349'000'000'000;
constexpr uint64_t kDayMs = 86'400'000;

std::string VersionOf(size_t index) {
  return std::to_string(index / 100) + "." + std::to_string(index / 10 % 10) + "." + std::to_string(index % 10);
}

std::string Dependencies(const char* prefix, size_t count, size_t index) {
  std::string out = "{";
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    // Each dependency moves on its own schedule, as real ones do.
    const size_t step = index / (20 + 13 * i);
    out += '"';
    out += prefix;
    out += std::to_string(i * 37 % 101) + "\":\"^" + std::to_string(i % 7 + step / 10) + "." +
           std::to_string(step % 10) + ".0\"";
  }
  return out + "}";
}

// From the opening brace to just before the base URL, and from there to the end of `dist`.
void AppendDist(SeededRandom* random, const std::string& version, size_t index, registry::ManifestFragment* fragment) {
  std::string& json = fragment->json;
  json += "\"dist\":{\"integrity\":\"sha512-" + Base64Encode(random->Bytes(64)) + "\",\"shasum\":\"" +
          HexEncode(random->Bytes(20)) + "\",\"tarball\":\"";
  fragment->base_offset = static_cast<uint32_t>(json.size());
  json += "/fabricator/-/fabricator-" + version + ".tgz\",\"fileCount\":" + std::to_string(180 + index % 9) +
          ",\"unpackedSize\":" + std::to_string(32'000'000 + index * 977) +
          ",\"signatures\":[{\"keyid\":\"SHA256:jl3bwswu80PjjokCgh0o2w5c2U4LhQAE57gj9cz1kzA\","
          "\"sig\":\"" +
          Base64Encode(random->Bytes(71)) + "\"}]}";
}

}  // namespace

registry::VersionEntry SyntheticVersion(size_t index) {
  registry::VersionEntry entry;
  entry.version = VersionOf(index);
  entry.time_ms = kFirstMs + index * kDayMs + index * 7919 % kDayMs;
  const std::string start = "{\"name\":\"fabricator\",\"version\":\"" + entry.version + "\",";
  const std::string resolver = "\"dependencies\":" + Dependencies("@fabric/part-", 12, index) +
                               ",\"devDependencies\":" + Dependencies("@types/dep-", 24, index) +
                               ",\"bin\":{\"fab\":\"bin/fab.js\",\"fabd\":\"bin/fabd.js\"},"
                               "\"engines\":{\"node\":\">=14.17\"},";
  const uint64_t seed = index + 1;

  SeededRandom random(seed);
  entry.full.json = start +
                    "\"description\":\"Fabricator makes things out of other things, in that order\","
                    "\"keywords\":[\"fabric\",\"make\",\"compiler\",\"language\"],\"license\":\"Apache-2.0\","
                    "\"homepage\":\"https://fabricator.example/\",\"author\":{\"name\":\"The Fabric Works\"},"
                    "\"bugs\":{\"url\":\"https://code.example/fabric/fabricator/"
                    "issues\"},\"repository\":{\"type\":"
                    "\"git\",\"url\":\"git+https://code.example/fabric/fabricator.git\"},\"main\":"
                    "\"./lib/fabricator.js\",\"typings\":\"./lib/fabricator.d.ts\",\"scripts\":{\"test\":"
                    "\"fab run tests --parallel --light=false\",\"build\":\"npm run build:compiler && npm run "
                    "build:tests\",\"lint\":\"fab lint\",\"setup-hooks\":\"node scripts/link-hooks.mjs\"},"
                    "\"gitHead\":\"" +
                    HexEncode(SeededRandom(~seed).Bytes(20)) + "\",\"_id\":\"fabricator@" + entry.version +
                    "\",\"_nodeVersion\":\"20.1.1\",\"_npmVersion\":\"10.8.3\"," + resolver;
  AppendDist(&random, entry.version, index, &entry.full);
  entry.full.json +=
      ",\"_npmUser\":{\"name\":\"fabric-bot\",\"email\":\"bot@fabric.example\"},\"maintainers\":[{"
      "\"name\":\"ada\",\"email\":\"ada@fabric.example\"},{\"name\":\"bob\",\"email\":"
      "\"bob@fabric.example\"}]}";

  random = SeededRandom(seed);
  entry.abbreviated.json = start + resolver;
  AppendDist(&random, entry.version, index, &entry.abbreviated);
  entry.abbreviated.json += "}";
  return entry;
}

registry::PackumentHead SyntheticHead(size_t version_count, size_t readme_bytes) {
  registry::PackumentHead head;
  head.name = "fabricator";
  head.rev = std::to_string(version_count) + "-0123456789abcdef";
  if (version_count > 0) head.dist_tags = {{"latest", VersionOf(version_count - 1)}};
  head.created_ms = kFirstMs;
  head.modified_ms = kFirstMs + version_count * kDayMs;
  head.maintainers_json = "[{\"name\":\"ada\",\"email\":\"ada@fabric.example\"}]";
  head.hoisted_members_json = "\"description\":\"Fabricator\",\"license\":\"Apache-2.0\"";
  while (head.readme.size() < readme_bytes) {
    head.readme += "## Part " + std::to_string(head.readme.size()) + "\nMakes \"things\".\n";
  }
  head.readme.resize(readme_bytes);
  if (readme_bytes > 0) head.readme_filename = "README.md";
  return head;
}

std::unique_ptr<registry::PackumentRope> SyntheticRope(size_t version_count, size_t readme_bytes) {
  registry::PackumentRopeBuilder builder("https://npm.example");
  for (size_t i = 0; i < version_count; ++i) {
    const registry::VersionEntry entry = SyntheticVersion(i);
    builder.AddVersion(entry);
    builder.AddTime(entry.version, entry.time_ms);
  }
  return builder.Finish(SyntheticHead(version_count, readme_bytes));
}

}  // namespace tarn::testing

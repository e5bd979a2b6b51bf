#include "storage/registry/packument_head.h"

#include <gtest/gtest.h>

namespace tarn::registry {
namespace {

PackumentHead Head() {
  PackumentHead head;
  head.name = "@s/n";
  head.rev = "2-ab";
  head.dist_tags = {{"latest", "1.0.0"}, {"next", "2.0.0"}};
  head.created_ms = 1'000;
  head.modified_ms = 2'500;
  head.maintainers_json = "[{\"name\":\"ada\"}]";
  return head;
}

std::string Join(const PackumentFrame& frame) {
  return frame.opening + "<v>" + frame.middle + "<t>" + frame.time_end + frame.closing;
}

TEST(PackumentFrame, FullDocumentWithEverything) {
  PackumentHead head = Head();
  head.hoisted_members_json = "\"description\":\"d\",\"license\":\"MIT\"";
  head.users_json = "{\"bob\":true}";
  head.readme = "# \"n\"\n";
  head.readme_filename = "README.md";
  EXPECT_EQ(Join(FramePackument(head, PackumentForm::kFull, 1)),
            "{\"_id\":\"@s/n\",\"_rev\":\"2-ab\",\"name\":\"@s/n\",\"dist-tags\":{\"latest\":"
            "\"1.0.0\",\"next\":\"2.0.0\"},\"versions\":{<v>},\"time\":{\"created\":"
            "\"1970-01-01T00:00:01.000Z\",<t>,\"modified\":\"1970-01-01T00:00:02.500Z\"},"
            "\"maintainers\":[{\"name\":\"ada\"}],\"description\":\"d\",\"license\":\"MIT\","
            "\"users\":{\"bob\":true},\"readme\":\"# \\\"n\\\"\\n\",\"readmeFilename\":"
            "\"README.md\",\"_attachments\":{}}");
}

TEST(PackumentFrame, AbbreviatedDocumentHasOnlyWhatTheFormatHas) {
  PackumentHead head = Head();
  head.readme = "not here";
  head.users_json = "{\"not\":\"here\"}";
  EXPECT_EQ(Join(FramePackument(head, PackumentForm::kAbbreviated, 1)),
            "{\"name\":\"@s/n\",\"modified\":\"1970-01-01T00:00:02.500Z\",\"dist-tags\":{"
            "\"latest\":\"1.0.0\",\"next\":\"2.0.0\"},\"versions\":{<v>},\"time\":{\"created\":"
            "\"1970-01-01T00:00:01.000Z\",<t>,\"modified\":\"1970-01-01T00:00:02.500Z\"}}");
}

TEST(PackumentFrame, NoCommaAroundAnEmptyStreamOfTimes) {
  const PackumentFrame frame = FramePackument(Head(), PackumentForm::kFull, 0);
  EXPECT_EQ(frame.middle, "},\"time\":{\"created\":\"1970-01-01T00:00:01.000Z\"");
  EXPECT_EQ(frame.time_end, ",\"modified\":\"1970-01-01T00:00:02.500Z\"}");
}

TEST(PackumentFrame, UnpublishedPackageHasNeitherVersionsNorDistTags) {
  PackumentHead head = Head();
  head.dist_tags.clear();
  head.unpublished_json = "{\"time\":\"t\"}";
  EXPECT_EQ(Join(FramePackument(head, PackumentForm::kFull, 1)),
            "{\"_id\":\"@s/n\",\"_rev\":\"2-ab\",\"name\":\"@s/n\"<v>,\"time\":{\"created\":"
            "\"1970-01-01T00:00:01.000Z\",<t>,\"modified\":\"1970-01-01T00:00:02.500Z\","
            "\"unpublished\":{\"time\":\"t\"}},\"maintainers\":[{\"name\":\"ada\"}],"
            "\"_attachments\":{}}");
  EXPECT_EQ(Join(FramePackument(head, PackumentForm::kAbbreviated, 1)),
            "{\"name\":\"@s/n\",\"modified\":\"1970-01-01T00:00:02.500Z\"<v>,\"time\":{\"created\":"
            "\"1970-01-01T00:00:01.000Z\",<t>,\"modified\":\"1970-01-01T00:00:02.500Z\","
            "\"unpublished\":{\"time\":\"t\"}}}");
}

}  // namespace
}  // namespace tarn::registry

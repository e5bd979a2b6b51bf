#include "http/api/form_body.h"

#include <gtest/gtest.h>

#include "storage/base/limits.h"

namespace tarn::http {
namespace {

TEST(FormBody, IsReadAsBrowsersWriteIt) {
  const auto form = FormBody::Parse("name=al+ice&password=%2B%26%3d%C3%BC&empty=&&flag&name=second");
  ASSERT_TRUE(form.ok());
  EXPECT_EQ(form->Get("name"), "al ice") << "the first one";
  EXPECT_EQ(form->Get("password"), "+&=\xc3\xbc");
  EXPECT_EQ(form->Get("empty"), "");
  EXPECT_EQ(form->Get("flag"), "");
  EXPECT_EQ(form->Get("absent"), "");
  EXPECT_EQ(form->fields().size(), 5u);
  EXPECT_TRUE(FormBody::Parse("").ok());
}

TEST(FormBody, RefusesBrokenSequencesAndTooMuch) {
  for (const char* bad : {"a=%", "a=%2", "a=%zz", "%=a"})
    EXPECT_EQ(FormBody::Parse(bad).code(), Code::kInvalidArgument) << bad;
  std::string many;
  for (size_t i = 0; i < limits::kFormFieldsMax; ++i) many += "a=b&";
  EXPECT_TRUE(FormBody::Parse(many).ok());
  EXPECT_EQ(FormBody::Parse(many + "a=b").code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace tarn::http

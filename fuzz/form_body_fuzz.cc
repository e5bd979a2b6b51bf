#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/api/form_body.h"
#include "http/api/login_page.h"
#include "storage/base/check.h"
#include "storage/base/limits.h"

// A posted form; what it holds is shown again on the page.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto form = tarn::http::FormBody::Parse({reinterpret_cast<const char*>(data), size});
  if (!form.ok()) return 0;
  CHECK(form->fields().size() <= tarn::limits::kFormFieldsMax);
  for (const auto& [name, value] : form->fields()) {
    CHECK(name.size() + value.size() <= size);
    CHECK(tarn::http::EscapeHtml(value).find_first_of("<>\"'\n") == std::string::npos);
  }
  return 0;
}

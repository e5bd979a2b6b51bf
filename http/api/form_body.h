#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/result.h"

namespace tarn::http {

// The fields of a form as browsers post it (application/x-www-form-urlencoded; the URL standard, section 5.1), in order.
class FormBody {
 public:
  // kInvalidArgument: a broken percent sequence, or more than limits::kFormFieldsMax fields.
  static Result<FormBody> Parse(std::string_view body);

  // The first field of that name; empty when there is none.
  std::string_view Get(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace tarn::http

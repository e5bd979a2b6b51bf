#include "storage/engine/read_view.h"

#include "storage/engine/keys.h"

namespace tarn::engine {

Status ReadView::ScanPrefix(Family family, std::string_view prefix, const Visitor& visit) const {
  return Scan(family, prefix, PrefixEnd(prefix), visit);
}

}  // namespace tarn::engine

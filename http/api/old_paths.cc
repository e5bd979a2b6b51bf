#include "http/api/old_paths.h"

namespace tarn::http {
namespace {

bool IsYarnClassic(std::string_view user_agent) {
  return user_agent.starts_with("yarn/1.") || user_agent.starts_with("yarn/0.");
}

}  // namespace

void ModernizePath(Method method, std::string_view user_agent, RequestPath* path) {
  auto& segments = path->segments;
  if (segments.size() < 2 || !IsYarnClassic(user_agent)) return;
  const bool is_team = segments[0] == "team";
  // Of a package of that name: /team/-/team-1.0.0.tgz, /team/-rev/1-x.
  if ((!is_team && segments[0] != "org") || segments[1].starts_with('-')) return;
  if (segments.size() > 2) {
    segments.insert(segments.begin(), "-");
  } else if (is_team && method == Method::kPut) {
    segments = {"-", "org", segments[1], "team"};
  }
}

}  // namespace tarn::http

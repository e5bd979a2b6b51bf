#include "bench/load/request_set.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstring>

namespace tarn::bench {

RequestSet::~RequestSet() {
  if (file_ != nullptr) munmap(const_cast<char*>(file_), file_bytes_);
}

bool RequestSet::Build(const Options& options, std::string* error) {
  const bool v6 = options.address.find(':') != std::string::npos;
  const std::string host = v6 ? "[" + options.address + "]" : options.address;
  std::string common = " HTTP/1.1\r\nHost: " + host + ":" + std::to_string(options.port) + "\r\n";
  for (const std::string& header : options.headers) common += header + "\r\n";
  for (const std::string& path : options.get_paths) heads_.push_back("GET " + path + common + "\r\n");
  if (options.put_set_file.empty()) return true;
  return MapFile(options.put_set_file, error) && IndexPuts(common, error);
}

std::optional<RequestView> RequestSet::Next() {
  if (bodies_.empty()) {
    const size_t index = next_;
    next_ = (next_ + 1) % heads_.size();
    return RequestView{heads_[index], {}, index};
  }
  if (next_ == bodies_.size()) return std::nullopt;
  const size_t index = next_++;
  return RequestView{heads_[index], bodies_[index], index};
}

bool RequestSet::MapFile(const std::string& path, std::string* error) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat info {};
  if (fd < 0 || fstat(fd, &info) != 0 || info.st_size == 0) {
    *error = path + ": cannot be read, or is empty";
    if (fd >= 0) close(fd);
    return false;
  }
  file_bytes_ = static_cast<size_t>(info.st_size);
  // Populated at once: page faults during the run would be charged to the server's latency.
  void* mapped = mmap(nullptr, file_bytes_, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
  close(fd);
  if (mapped == MAP_FAILED) {
    *error = path + ": " + std::strerror(errno);
    return false;
  }
  file_ = static_cast<const char*>(mapped);
  return true;
}

bool RequestSet::IndexPuts(const std::string& common_headers, std::string* error) {
  const std::string_view file(file_, file_bytes_);
  size_t offset = 0;
  while (offset < file.size()) {
    const std::string_view line = file.substr(offset, file.substr(offset).find('\n'));
    const size_t space = line.rfind(' ');
    const size_t body_offset = offset + line.size() + 1;
    uint64_t body_bytes = 0;
    const bool well_formed =
        line.starts_with('/') && space != std::string_view::npos &&
        std::from_chars(line.data() + space + 1, line.data() + line.size(), body_bytes).ec == std::errc() &&
        body_offset < file.size() && body_bytes < file.size() - body_offset && file[body_offset + body_bytes] == '\n';
    if (!well_formed) {
      *error = "PUT set: no record at byte " + std::to_string(offset);
      return false;
    }
    heads_.push_back("PUT " + std::string(line.substr(0, space)) + common_headers +
                     "Content-Type: application/json\r\nContent-Length: " + std::to_string(body_bytes) + "\r\n\r\n");
    bodies_.push_back(file.substr(body_offset, body_bytes));
    offset = body_offset + body_bytes + 1;
  }
  return true;
}

}  // namespace tarn::bench

#pragma once

#include <string>
#include <vector>

#include "http/cli/stall_detector.h"
#include "http/net/executor.h"
#include "http/net/server.h"
#include "storage/engine/store.h"

namespace tarn::cli {

// What a dump looks at; all of it outlives the call.
struct DumpParts {
  const engine::Store& store;
  const http::Executor& executor;
  http::Server& server;
};

// What this process is doing, as one JSON object: what is stuck and with what, the calls that have not come back from the
// disk, the executor's classes, the commits, the cores, memory, descriptors, and every thread with what the kernel says it
// waits in. No names of packages or users, no tokens. Takes no lock that a thread could hold while it waits for the disk.
// Threads: any.
std::string FormatState(const std::vector<Vital>& vitals, const DumpParts& parts);

// "segments/00000007.seg", for an open descriptor of this process: the last two names of its path.
std::string DescriptorName(int descriptor);

}  // namespace tarn::cli

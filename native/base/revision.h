// The engine's revision: raised by hand in the commit that changes any result, so that stages made before it are made again.
#pragma once

namespace sdft {

constexpr int kRevision = 7;

}  // namespace sdft

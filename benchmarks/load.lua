-- One kind of request, again and again, by wrk. Arguments: method, path, size of the body, step, "name: value" headers.
-- In the path `#` stands for a number that no other request of the run has: threads count in steps, each from its own.
-- Prints one line of JSON at the end.
local made = 0

function setup(thread)
  thread:set("number", made)
  made = made + 1
end

function init(args)
  method, path, step = args[1], args[2], tonumber(args[4])
  body = tonumber(args[3]) > 0 and string.rep("x", tonumber(args[3])) or nil
  headers = {}
  for at = 5, #args do
    local name, value = args[at]:match("^([^:]+): (.*)$")
    headers[name] = value
  end
  before, after = path:match("^(.-)#(.*)$")
  if not before then same = wrk.format(method, path, headers, body) end
end

function request()
  if same then return same end
  number = number + step
  return wrk.format(method, before .. string.format("%d", number) .. after, headers, body)
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('{"requests": %d, "seconds": %f, "failed": %d, "p50": %f, "p99": %f, "worst": %f}\n', summary.requests,
    summary.duration / 1e6, failed, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end

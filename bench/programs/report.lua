-- Has wrk end with one line of JSON; times are in ms.
done = function(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format(
    '{"requests": %d, "failed": %d, "seconds": %.6f, "p95": %.3f, "p99": %.3f}',
    summary.requests, failed, summary.duration / 1e6,
    latency:percentile(95) / 1e3, latency:percentile(99) / 1e3
  ))
end

-- Bytes that the quota counts for the map of an open upload of so many chunks (`domain.uploads.map_bytes`): the number of
-- chunks that are free of that is `limits.UNCOUNTED_CHUNKS`.
local function map_bytes(chunks, width) return math.max(0, chunks - 1000) * width end

-- Note in the record of an owner, and in the list that goes by it, whether more than nine tenths of the quota are taken.
-- Not an act: it follows from what is, in the step that changes that. `default` is the quota of who has none.
local function note_quota(quota, user, list, owner, default)
  local row = redis.call('HMGET', user, 'created_at', 'quota_bytes', 'quota_near')
  if not row[1] then return end
  local held = redis.call('HMGET', quota, 'used', 'reserved')
  local limit = tonumber(row[2] and row[2] ~= '' and row[2] or default)
  local near = 10 * (tonumber(held[1] or 0) + tonumber(held[2] or 0)) > 9 * limit and '1' or '0'
  if near == (row[3] or '0') then return end
  redis.call('HSET', user, 'quota_near', near)
  if near == '1' then redis.call('ZADD', list, row[1], owner) else redis.call('ZREM', list, owner) end
end

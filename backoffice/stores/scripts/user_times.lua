-- user_times: note when users signed in last, when days without doing so end their accounts, and whether their quotas are
-- nearly used up, in the records and in the lists that go by it. Not an act, so it writes no event, and the version
-- stays; a script of its own because it must never bring back a user who has gone in the meantime.
--
-- KEYS[1] zset of users by last sign-in   KEYS[2] zset of users by that end
-- KEYS[3] zset of users whose quota is nearly used up   KEYS[4...] of each user: hash, quota hash
-- ARGV[1] quota of who has none of their own
-- ARGV[2...] of each user, in this order: id, last sign-in (ms, 0 = never), the end (ms, 0 = never), and what the record
-- has to have for that: version, last sign-in; "" = whatever it has
for number = 0, (#KEYS - 3) / 2 - 1 do
  local user, quota, at = KEYS[4 + 2 * number], KEYS[5 + 2 * number], 2 + 5 * number
  local id, signed_in, ends, version, before = unpack(ARGV, at, at + 4)
  local row = redis.call('HMGET', user, 'version', 'last_login_at')
  if row[1] and (version == '' or (row[1] == version and (row[2] or '0') == before)) then
    redis.call('HSET', user, 'last_login_at', signed_in, 'inactive_at', ends)
    redis.call('ZADD', KEYS[1], signed_in, id)
    if ends == '0' then redis.call('ZREM', KEYS[2], id) else redis.call('ZADD', KEYS[2], ends, id) end
    note_quota(quota, user, KEYS[3], id, ARGV[1])
  end
end
return 'ok'

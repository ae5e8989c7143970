-- user_times: note when users signed in last, and when days without doing so end their accounts, in the records and in
-- the lists that go by it. Not an act, so it writes no event, and the version stays; a script of its own because it must
-- never bring back a user who has gone in the meantime.
--
-- KEYS[1] zset of users by last sign-in   KEYS[2] zset of users by that end   KEYS[3...] user hashes
-- ARGV of each user, in this order: id, last sign-in (ms, 0 = never), the end (ms, 0 = never), and what the record has to
-- have for that: version, last sign-in; "" = whatever it has
for place = 3, #KEYS do
  local at = (place - 3) * 5
  local user, id, signed_in, ends = KEYS[place], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local version, before = ARGV[at + 4], ARGV[at + 5]
  local row = redis.call('HMGET', user, 'version', 'last_login_at')
  if row[1] and (version == '' or (row[1] == version and (row[2] or '0') == before)) then
    redis.call('HSET', user, 'last_login_at', signed_in, 'inactive_at', ends)
    redis.call('ZADD', KEYS[1], signed_in, id)
    if ends == '0' then redis.call('ZREM', KEYS[2], id) else redis.call('ZADD', KEYS[2], ends, id) end
  end
end
return 'ok'

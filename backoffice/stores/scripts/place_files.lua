-- place_files: note of files that lie at the top that they do, so that they are found there among others that lie in
-- folders. Not an act, for nothing is moved: it is what a file that comes now says from the beginning. A script of its
-- own because it must not touch what has changed since it was read.
--
-- KEYS[1] zset of the files at the top by date   KEYS[2] by name   KEYS[3] by size   KEYS[4] zset of all that say where
-- they are   KEYS[5...] hash of each file
-- ARGV[1] field of the version   ARGV[2] field of the place   ARGV[3] what it holds at the top
-- ARGV[4...] of each file: version as it was read ("" = not there), id as indexes have it, date, member by name, size
--
-- Returns how many were noted.
local noted = 0
for number = 0, #KEYS - 5 do
  local key, at = KEYS[5 + number], 4 + 5 * number
  local version, id, created, name, size = unpack(ARGV, at, at + 4)
  local row = redis.call('HMGET', key, ARGV[1], ARGV[2])
  if redis.call('EXISTS', key) == 1 and (row[1] or '') == version and not row[2] then
    redis.call('HSET', key, ARGV[2], ARGV[3])
    redis.call('ZADD', KEYS[1], created, id)
    redis.call('ZADD', KEYS[2], 0, name)
    redis.call('ZADD', KEYS[3], size, id)
    redis.call('ZADD', KEYS[4], created, id)
    noted = noted + 1
  end
end
return noted

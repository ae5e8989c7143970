-- settle_folder: note that all that lies in a folder has followed it into the trash, or out of it, and drop one that is
-- purged. Not an act: what has been done to it and to each in it has an entry of its own. A script of its own because it
-- must not miss what came into the folder at this moment.
--
-- KEYS[1] hash of the folder   KEYS[2] zset of those that something has to follow   KEYS[3] zset of all of the owner
-- KEYS[4] zset of the files that lie in it   KEYS[5] of the folders   KEYS[6] of the files that went into the trash with
-- it   KEYS[7] of the folders   KEYS[8] of the owner's folders that something has to follow into the trash
-- ARGV[1] version as it was read   ARGV[2] state   ARGV[3] identifier
--
-- What it leaves is another version, and says so of itself (`settled`): no act made it.
-- Returns 1 where that is so by then, else 0.
local row = redis.call('HMGET', KEYS[1], 'version', 'state', 'moving')
if row[1] ~= ARGV[1] or row[2] ~= ARGV[2] or row[3] ~= '1' then return 0 end
local lives, went = redis.call('EXISTS', KEYS[4], KEYS[5]) > 0, redis.call('EXISTS', KEYS[6], KEYS[7]) > 0
if (lives and ARGV[2] ~= 'ready') or (went and ARGV[2] ~= 'trashed') then return 0 end
redis.call('ZREM', KEYS[2], ARGV[3])
redis.call('ZREM', KEYS[8], ARGV[3])
if ARGV[2] == 'gone' then
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', KEYS[3], ARGV[3])
else
  local version = redis.call('HINCRBY', KEYS[1], 'version', 1)
  redis.call('HSET', KEYS[1], 'moving', 0, 'settled', version)
end
return 1

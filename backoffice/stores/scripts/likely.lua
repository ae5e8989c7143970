-- likely: which records may have the words of a question. A script because most that a walk looks at have not, and a
-- reply for each costs more than to look here. Only texts of ASCII are told apart: how others fold is known elsewhere.
--
-- KEYS[...] records   ARGV[1] how many fields make the text, then their names; what follows are words, folded
--
-- Returns the places of the records among KEYS, the first being 1.
local count = tonumber(ARGV[1])
local fields, likely = {}, {}
for at = 1, count do fields[at] = ARGV[1 + at] end

local function may_have_words(key)
  local parts = redis.call('HMGET', key, unpack(fields))
  for at = 1, count do parts[at] = parts[at] or '' end
  local text = string.lower(table.concat(parts, ' '))
  if string.find(text, '[\128-\255]') then return true end
  for at = count + 2, #ARGV do
    if not string.find(text, ARGV[at], 1, true) then return false end
  end
  return true
end

for at, key in ipairs(KEYS) do
  if may_have_words(key) then likely[#likely + 1] = at end
end
return likely

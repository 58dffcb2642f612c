-- The limiter: all dimensions or none, on the server's clock, in one step.
--
-- Of a provider's key, whatever is asked for with it:
-- KEYS[1]  hash: the circuit, and `born`
-- KEYS[2]  sorted set: the permits of calls in flight, scored by when each runs out by itself
-- KEYS[3]  list: the last twenty answers, newest first: 'fine', 'refused', 'trouble'
--
-- Of a family of models, for which the provider counts by the minute:
-- KEYS[4]  hash: each dimension's level and when that was true; `limit:<dimension>`, what the provider was heard to
--          say; `rate`, the pace that we allow ourselves beside; `cool:<dimension>`; `born`; `last`, the permit that
--          was paid for last; `saving`, the dimension in which is saved up for a large call
-- KEYS[5]  list: the last twenty answers about it
-- KEYS[6]  hash: calls let out (`<second>:out`) and refused (`<second>:refused`) in each of the last seconds
--
-- A level is what may be called now, in units. It fills at the dimension's rate from when the family was first
-- asked for, up to half a second's worth or one call. A call that does not fit is paid in advance: the level goes
-- below nothing and the caller waits until it would be at nothing again, if it is willing to wait that long. One that
-- is larger than what comes in while one waits would lose every race: it is saved up for, and smaller ones wait.

local key, flight, troubles, levels, answers, seconds = unpack(KEYS)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local FIRST_PACE = 60          -- units a minute, while nobody has told us any limit
local SEARCH_STEP = 5000       -- ms between two doublings
local SEARCH_PROMISE = 250     -- ms ahead that calls are let out meanwhile
local CAREFUL_STEP = 10000     -- ms between two steps of 5 %, up or down
local SLOWEST = 6              -- units a minute: below that nothing would be learned
local ANSWERS = 20
local GRACE = 5000             -- ms for which what was saved up is kept for a large call that is late
local ANOTHER_LOOK = 250       -- ms after which a smaller one asks again whether it came
local FIRST_SPAN, LONGEST_SPAN = 5000, 60000  -- ms for which a circuit stays open

local function number_of(field)
  return tonumber(redis.call('HGET', levels, field))
end

local function level_of(dimension, per_ms, ceiling)
  local known = redis.call('HMGET', levels, dimension, dimension .. ':at', 'born')
  local level, at = tonumber(known[1]) or 0, tonumber(known[2] or known[3])
  if at > now then  -- the clock was set back: from here on it counts again, also when this call is denied
    at = now
    redis.call('HSET', levels, dimension .. ':at', now)
  end
  return math.min(ceiling, level + (now - at) * per_ms)
end

local function keep(dimension, level)
  redis.call('HSET', levels, dimension, string.format('%.6f', level), dimension .. ':at', now)
end

-- What a dimension allows a minute: what the operator says, and no more than the provider was heard to say. A limit
-- that was heard long ago is tried a little above, 5 % for each hour, for nobody tells us when it is raised.
local function limit_of(dimension, configured)
  local heard = redis.call('HMGET', levels, 'limit:' .. dimension, 'limit:' .. dimension .. ':at')
  if not heard[1] then
    return configured > 0 and configured or nil
  end
  local hours = math.max(0, math.floor((now - tonumber(heard[2])) / 3600000))
  local limit = tonumber(heard[1]) * math.min(2, 1.05 ^ hours)
  return configured > 0 and math.min(configured, limit) or limit
end

local function set_pace(pace)
  redis.call('HSET', levels, 'rate', string.format('%.3f', pace), 'rate:step_at', now)
end

-- What we allow ourselves beside the limits: while none is known, what the search has reached; else nothing but what
-- refusals have taught us. `known` is the scarcest limit on calls, if there is any.
local function pace_of(known)
  local pace = number_of('rate')
  if pace and known and pace >= known then
    redis.call('HDEL', levels, 'rate', 'rate:step_at', 'searching')
    return nil
  end
  if not pace and not known then
    redis.call('HSET', levels, 'searching', 1)
    set_pace(FIRST_PACE)
    return FIRST_PACE
  end
  return pace
end

-- The pace was what a call had to wait for: it may be too slow.
local function quicken()
  local since = now - number_of('rate:step_at')
  if redis.call('HEXISTS', levels, 'searching') == 1 then
    if since >= SEARCH_STEP then
      set_pace(number_of('rate') * 2)
    end
  elseif since >= CAREFUL_STEP then
    set_pace(number_of('rate') * 1.05)
  end
end

-- Calls let out and refused in the last ten seconds.
local function lately()
  local out, refused = 0, 0
  local fields = redis.call('HGETALL', seconds)
  for i = 1, #fields, 2 do
    local second, kind = string.match(fields[i], '(%d+):(%a+)')
    if tonumber(second) <= time[1] - 10 then
      redis.call('HDEL', seconds, fields[i])
    elseif kind == 'out' then
      out = out + fields[i + 1]
    else
      refused = refused + fields[i + 1]
    end
  end
  return out, refused
end

-- Whenever the counts have grown to twice what can be of use, those that are too old go.
local function count(kind)
  redis.call('HINCRBY', seconds, time[1] .. ':' .. kind, 1)
  redis.call('PEXPIRE', seconds, CAREFUL_STEP * 2)
  if redis.call('HLEN', seconds) > 40 then
    lately()
  end
end

-- Permits: who may call now, who later, and what stands in the way.

-- The circuit: open for a span after much trouble, then one probe at a time until one comes back fine.
local function blocked_by_circuit(permit)
  local opened = redis.call('HMGET', key, 'circuit:until', 'circuit:probe', 'circuit:probe_until')
  local till, probe, probe_until = tonumber(opened[1]), opened[2], tonumber(opened[3])
  if not till then
    return nil
  elseif till > now then
    return till - now
  elseif probe and probe ~= permit and probe_until > now then
    return 1000
  end
  return nil
end

local function open_circuit()
  local span = math.min((tonumber(redis.call('HGET', key, 'circuit:span')) or FIRST_SPAN / 2) * 2, LONGEST_SPAN)
  redis.call('HSET', key, 'circuit:span', span, 'circuit:until', now + span)
  redis.call('HDEL', key, 'circuit:probe', 'circuit:probe_until')
end

local function close_circuit()
  redis.call('HDEL', key, 'circuit:span', 'circuit:until', 'circuit:probe', 'circuit:probe_until')
end

local function cooling_of(dimension)
  return (number_of('cool:' .. dimension) or 0) - now
end

local function cool_down(dimension, span)
  local known = number_of('cool:' .. dimension) or 0
  redis.call('HSET', levels, 'cool:' .. dimension, math.max(known, now + span))
end

-- One dimension of a call: what it costs, at which rate, what would be left of it, and the most that ever could be.
local function reckon(dimension, limit, cost)
  local per_ms = limit / 60000
  local ceiling = math.max(per_ms * 500, cost)
  local left, wait = level_of(dimension, per_ms, ceiling) - cost, 0
  if left < 0 then
    wait = math.ceil(-left / per_ms)
  end
  return {dimension = dimension, per_ms = per_ms, cost = cost, left = left, wait = wait, most = ceiling - cost}
end

local function reckon_all()
  local reckoned, known, units = {}, nil, 1
  for i = 6, #ARGV, 3 do
    local dimension, cost = ARGV[i], tonumber(ARGV[i + 2])
    local limit = limit_of(dimension, tonumber(ARGV[i + 1]))
    if limit then
      table.insert(reckoned, reckon(dimension, limit, cost))
    end
    if dimension == 'images' or dimension == 'requests' then
      units = math.max(units, cost)
      known = limit and math.min(known or limit, limit) or known
    end
  end
  local pace = pace_of(known)
  if pace then
    table.insert(reckoned, reckon('pace', pace, units))
  end
  return reckoned
end

local function slowest_of(reckoned)
  local wait, slowest = 0, nil
  for _, one in ipairs(reckoned) do
    if one.wait > wait then
      wait, slowest = one.wait, one
    end
  end
  return wait, slowest
end

-- The call goes out after `wait`, for the slowest of its dimensions: the others save up nothing meanwhile but what
-- they may hold, else their calls would bunch behind it.
local function pay(permit, reckoned, wait)
  for _, one in ipairs(reckoned) do
    keep(one.dimension, math.min(one.left, one.most - wait * one.per_ms))
  end
  redis.call('HSET', levels, 'last', permit)
  count('out')
end

-- While a limit is searched for nobody is promised much: what the next refusal teaches comes too late for a promise.
local function patience(longest)
  if redis.call('HEXISTS', levels, 'searching') == 1 then
    return math.min(longest, SEARCH_PROMISE)
  end
  return longest
end

local function admit(permit, wait, life, dimension)
  redis.call('ZADD', flight, now + wait + life, permit)
  if redis.call('HEXISTS', key, 'circuit:until') == 1 then
    redis.call('HSET', key, 'circuit:probe', permit, 'circuit:probe_until', now + wait + life)
  end
  return {'admitted', wait, dimension}
end

-- What is saved up for a large call is not for smaller ones: how long one of them waits, and for what. The large one
-- ends the saving when it goes.
local function kept_from(reckoned)
  local saving = redis.call('HMGET', levels, 'saving', 'saving:cost', 'saving:until')
  local left = (tonumber(saving[3]) or 0) - now
  for _, one in ipairs(reckoned) do
    if left > 0 and one.dimension == saving[1] and one.cost < tonumber(saving[2]) then
      return math.max(left - GRACE, ANOTHER_LOOK), one.dimension
    end
  end
  return nil
end

local function end_saving(reckoned)
  local dimension = redis.call('HGET', levels, 'saving')
  for _, one in ipairs(reckoned) do
    if one.dimension == dimension and number_of('saving:until') > now then
      redis.call('HSET', levels, 'saving:until', now)
    end
  end
end

-- Of calls larger than what comes in while one waits, one at a time is saved up for; then the others have their turn.
-- It is asked back a little before it may go, for it waits then. Returns when to ask again.
local function save_up(slowest, wait, longest)
  if slowest.cost <= 1 or slowest.cost <= slowest.per_ms * longest or longest == 0 then
    return wait
  end
  if now >= (number_of('saving:until') or 0) + longest then
    local till = math.ceil(now + wait + GRACE)
    redis.call('HSET', levels, 'saving', slowest.dimension, 'saving:cost', slowest.cost, 'saving:until', till)
  end
  return wait - math.floor(longest / 2)
end

local function obstacle(permit)
  local open = blocked_by_circuit(permit)
  if open then
    return {'denied', open, 'circuit'}
  end
  local cooling = cooling_of('all')
  if cooling > 0 then
    return {'denied', cooling, 'cool_down'}
  end
  for i = 6, #ARGV, 3 do
    cooling = cooling_of(ARGV[i])
    if cooling > 0 then
      return {'denied', cooling, ARGV[i]}
    end
  end
  redis.call('ZREMRANGEBYSCORE', flight, '-inf', now)
  if redis.call('ZCARD', flight) >= tonumber(ARGV[5]) then
    return {'denied', 0, 'in_flight'}
  end
  return nil
end

-- acquire: permit, longest wait (ms), permit's life (ms), most in flight, then triples: dimension, per minute, cost
local function acquire()
  if redis.call('HEXISTS', levels, 'born') == 0 then
    return {'cold', 0, ''}
  end
  local permit, longest, life = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
  local denied = obstacle(permit)
  if denied then
    return denied
  end
  local reckoned = reckon_all()
  local kept, dimension = kept_from(reckoned)
  if kept then
    return {'denied', kept, dimension}
  end
  local wait, slowest = slowest_of(reckoned)
  if slowest and slowest.dimension == 'pace' then
    quicken()
  end
  if wait > patience(longest) then
    return {'denied', save_up(slowest, wait, longest), slowest.dimension}
  end
  pay(permit, reckoned, wait)
  end_saving(reckoned)
  return admit(permit, wait, life, slowest and slowest.dimension or '')
end

-- release: permit
local function release()
  redis.call('ZREM', flight, ARGV[2])
  if redis.call('HGET', key, 'circuit:probe') == ARGV[2] then
    redis.call('HDEL', key, 'circuit:probe')
  end
  return {'released', 0, ''}
end

-- refund: permit, then triples: dimension, per minute, cost. What was not sent is given back, if nobody has paid
-- since: those who did have been told when to go, and what came back would be called beside them. If it was to be the
-- probe, another may be that at once; it stays known as the probe, for its caller may still tell that nobody was there.
local function refund()
  if redis.call('HGET', key, 'circuit:probe') == ARGV[2] then
    redis.call('HSET', key, 'circuit:probe_until', now)
  end
  if redis.call('ZREM', flight, ARGV[2]) == 1 and redis.call('HGET', levels, 'last') == ARGV[2] then
    redis.call('HDEL', levels, 'last')
    for i = 3, #ARGV, 3 do
      local limit, cost = limit_of(ARGV[i], tonumber(ARGV[i + 1])), tonumber(ARGV[i + 2])
      if limit then
        local per_ms = limit / 60000
        local ceiling = math.max(per_ms * 500, cost)
        keep(ARGV[i], math.min(ceiling, level_of(ARGV[i], per_ms, ceiling) + cost))
      end
    end
  end
  return {'refunded', 0, ''}
end

-- renew: permit's life (ms), then permits of calls that run: also those that ran out while nobody could be reached
local function renew()
  local till, probe = now + tonumber(ARGV[2]), redis.call('HGET', key, 'circuit:probe')
  for i = 3, #ARGV do
    redis.call('ZADD', flight, till, ARGV[i])
    if ARGV[i] == probe then
      redis.call('HSET', key, 'circuit:probe_until', till)
    end
  end
  return {'renewed', 0, ''}
end

local function learn(dimension, limit)
  if dimension == 'pace' then
    set_pace(limit)
  else
    redis.call('HSET', levels, 'limit:' .. dimension, limit, 'limit:' .. dimension .. ':at', now)
  end
end

-- seed: permit's life (ms), number of limits known, pairs of dimension and limit, then permits. A limiter that
-- remembers nothing starts empty, with the calls that run and with what was learned before of each family.
local function seed()
  local first = 4 + 2 * tonumber(ARGV[3])
  if redis.call('HSETNX', levels, 'born', now) == 1 then
    for i = 4, first - 1, 2 do
      learn(ARGV[i], tonumber(ARGV[i + 1]))
    end
  end
  if redis.call('HSETNX', key, 'born', now) == 1 then
    for i = first, #ARGV do
      redis.call('ZADD', flight, now + tonumber(ARGV[2]), ARGV[i])
    end
  end
  return {'seeded', 0, ''}
end

// Between a hand's position 0 … 1 and a knob's value; the same sums as model/knob.py.

const clamped = (number, low, high) => Math.min(Math.max(number, low), high);

export const isSwitch = ({low, high, step}) => step === 1 && low === 0 && high === 1;

/** The value at a position 0 … 1. */
export function valueAt({low, high, curve, step}, position) {
  const place = clamped(position, 0, 1);
  const value =
    curve === "exponential" ? low * (high / low) ** place : low + (high - low) * place;
  return step ? clamped(low + step * Math.round((value - low) / step), low, high) : value;
}

/** The position 0 … 1 of a value. */
export function positionOf({low, high, curve}, value) {
  const inside = clamped(value, low, high);
  return curve === "exponential"
    ? Math.log(inside / low) / Math.log(high / low)
    : (inside - low) / (high - low);
}

/** A value typed by hand, brought into the range; null when it is no number. */
export function typed(knob, text) {
  const value = Number.parseFloat(text.replace(",", ".").replace("−", "-"));
  if (!Number.isFinite(value)) return null;
  return knob.step ? valueAt(knob, positionOf(knob, value)) : clamped(value, knob.low, knob.high);
}

/** The value in as many digits as a hand can set. */
export function shown({low, high, curve, step}, value) {
  if (step && Number.isInteger(step)) return value.toFixed(0);
  const finest = curve === "exponential" ? Math.max(Math.abs(value), low) : high - low;
  const digits = clamped(Math.ceil(-Math.log10(finest / 1000)), 0, 5);
  const text = value.toFixed(digits);
  return Number(text) === 0 ? (0).toFixed(digits) : text;
}

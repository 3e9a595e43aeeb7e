/** Sums of decimal strings, exact to the last digit: amounts of money never pass through a float. */
export function added(...amounts: readonly string[]): string {
  const places = Math.max(...amounts.map((amount) => amount.split(".")[1]?.length ?? 0));
  const sum = amounts.reduce((total, amount) => total + scaled(amount, places), 0n);
  const digits = (sum < 0n ? -sum : sum).toString().padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places);
  const rest = places > 0 ? `.${digits.slice(-places)}` : "";
  return `${sum < 0n ? "-" : ""}${whole}${rest}`;
}

function scaled(amount: string, places: number): bigint {
  const [whole = "0", rest = ""] = amount.replace("-", "").split(".");
  const size = BigInt(whole + rest.padEnd(places, "0"));
  return amount.startsWith("-") ? -size : size;
}

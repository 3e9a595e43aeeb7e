import { expect, test } from "vitest";

import { newTariff, told } from "./tariffs";

test("what a form left empty is not sent", () => {
  const content = newTariff("EUR");
  content.elements[0]!.name = "";
  content.elements[0]!.restrictions = { start_time: "", day_of_week: [], min_kwh: 0 };
  expect(told(content).elements[0]).toEqual({
    price_components: [{ type: "ENERGY", price: 0.49, vat: 19, step_size: 1 }],
    restrictions: { min_kwh: 0 },
  });
});

test("an element without any condition has no restrictions at all", () => {
  const content = newTariff("EUR");
  content.elements[0]!.restrictions = { day_of_week: [] };
  expect(told(content).elements[0]).not.toHaveProperty("restrictions");
});

/** A tariff as a form holds it, and as the API takes it. */
import type { Dimension, PriceComponent, TariffContent, TariffElement } from "$shared/api/prices";

export const DIMENSIONS: readonly Dimension[] = ["ENERGY", "TIME", "PARKING_TIME", "FLAT"];

export function newTariff(currency: string): TariffContent {
  return { currency, tax_included: "YES", elements: [{ price_components: [newComponent("ENERGY")] }] };
}

export function newComponent(type: Dimension): PriceComponent {
  return { type, price: type === "ENERGY" ? 0.49 : 1, vat: 19, step_size: 1 };
}

/** Without what was left empty, as the API reads an empty field as a wrong one. */
export function told(content: TariffContent): TariffContent {
  return pruned({ ...content, elements: content.elements.map(toldElement) }) as TariffContent;
}

function toldElement(element: TariffElement): TariffElement {
  const { day_of_week: days, ...others } = element.restrictions ?? {};
  const restrictions = { ...others, ...(days?.length ? { day_of_week: days } : {}) };
  return pruned({ ...element, restrictions: pruned(restrictions) }) as TariffElement;
}

function pruned<T extends object>(value: T): Partial<T> {
  const kept = Object.entries(value).filter(([, one]) => one !== null && one !== undefined && one !== "" && !isEmpty(one)); // prettier-ignore
  return Object.fromEntries(kept) as Partial<T>;
}

function isEmpty(value: unknown): boolean {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 0
  );
}

"""Who is who: records standardised, paired, judged and gathered into persons; every decision kept with its evidence."""

package io.moha.moctl.command;

import io.moha.model.OnLongTransactions;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** {@code wait}, {@code abort}, {@code kill}. */
final class OnLongTransactionsConverter implements ITypeConverter<OnLongTransactions> {
    @Override
    public OnLongTransactions convert(String value) {
        try {
            return OnLongTransactions.of(value);
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException(String.valueOf(e.getMessage()));
        }
    }
}
